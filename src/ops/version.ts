/** This package's version, equal to that of `package.json`, which the core cannot read because it knows no files. */
export const VERSION = '0.1.0'
