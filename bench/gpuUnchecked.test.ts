// The same without checks of what shaders reach.
import { compare } from "./gpu/compare.ts";

compare("off");
