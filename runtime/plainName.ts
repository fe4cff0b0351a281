// Names that strangers give to files of a folder. One that is plain means a file of that folder and nothing else, on every
// system: no separator, no drive, no way up, no stream, and not one of the names that Windows keeps for devices.

const PLAIN = /^(?!\.+$)[A-Za-z0-9_.+-]{1,255}$/;
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

export const isPlainName = (name: string): boolean => PLAIN.test(name) && !DEVICE.test(name) && !name.endsWith(".");
