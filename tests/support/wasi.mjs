// wasi.mjs: runs a program that was compiled to WebAssembly. It sees the directory of golden files as /golden.
//   node wasi.mjs PROGRAM GOLDEN
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [program, golden] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: [program], preopens: { '/golden': golden } });
const module = await WebAssembly.compile(await readFile(program));
// Node.js 18 has no wasi.getImportObject().
process.exitCode = wasi.start(await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport }));
