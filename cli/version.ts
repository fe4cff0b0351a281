// What calls itself graftwerk; a test holds it to package.json.

export const version = "0.1.0";
export const tool = `graftwerk ${version}`;
