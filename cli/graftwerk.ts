// The entry of the command line. Everything else is imported when it is needed, so that `--help` answers at once.
import { onInterrupt } from "./interrupt.ts";
import { main } from "./main.ts";

// A reader that has seen enough, such as `head`, is no mistake of anybody.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
onInterrupt(() => process.exit(130));
process.exitCode = await main(process.argv.slice(2));
