/** This package's version, as `package.json` says it: floors that know no files cannot read it there. */
export const VERSION = '0.0.0'
