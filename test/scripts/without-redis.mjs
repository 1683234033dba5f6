/** Loaded before a program: it finds no Redis server program on this machine, wherever it seeks one. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { accessSync } = fs;
/** @type {typeof accessSync} */
fs.accessSync = (path, mode) => {
  if (/(redis|valkey)-server$/.test(String(path))) throw new Error(`ENOENT: ${path}`);
  accessSync(path, mode);
};
syncBuiltinESMExports();
