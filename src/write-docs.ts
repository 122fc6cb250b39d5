import { readFile, writeFile } from 'node:fs/promises';
import { optionTable } from './config/reference.ts';
import { referenceDocument } from './reference-document.ts';

/** Prints the option tables into the README, between their marks, and the reference: `npm run docs`. A test compares them. */
const marks = /(<!-- options:[^>]*-->\n)[\s\S]*?(<!-- \/options -->)/;

/** The README with its tables as the schema has them now. */
export const withOptionTables = (readme: string): string =>
  readme.replace(marks, (_, start: string, end: string) => `${start}\n${optionTable()}\n${end}`);

if (process.argv[1]?.endsWith('write-docs.js') === true) {
  await writeFile('README.md', withOptionTables(await readFile('README.md', 'utf8')));
  await writeFile('docs/reference.md', referenceDocument());
}
