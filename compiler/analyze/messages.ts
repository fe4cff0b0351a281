// Every sentence that analysis can say. The key is the stable code; arguments are typed; the text lives nowhere else.
import { declarationMessages } from "./messages/declarations.ts";
import { modelMessages } from "./messages/models.ts";
import { rowMessages } from "./messages/rows.ts";

export const messages = { ...declarationMessages, ...rowMessages, ...modelMessages };

export type MessageTable = typeof messages;
export type Code = keyof MessageTable;
/** Says what is wrong at a place that the caller knows. */
export type Say = <C extends Code>(code: C, args: Parameters<MessageTable[C]>) => undefined;
