import { expect, test } from 'vitest';
import { definitionForm } from '../../src/config/definition-form.ts';
import { optionRows } from '../../src/config/reference.ts';

interface Property {
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Property>>;
}

const form = definitionForm();
const branches = (form.schema as { readonly oneOf: readonly Property[] }).oneOf;

function find(path: string): Property | undefined {
  const found = branches.map((branch) =>
    path.split('.').reduce<Property | undefined>((at, key) => at?.properties?.[key], branch),
  );
  return found.find((each) => each !== undefined);
}

test('the form has every option of a definition, once', () => {
  const fields = form.sections.flatMap((section) => section.fields);
  const start = 'definitions[].';
  const options = optionRows()
    .map(({ key }) => key)
    .filter((key) => key.startsWith(start))
    .map((key) => key.slice(start.length))
    .filter((key) => !['smtp', 'pop3', 'canary'].includes(key));
  expect(fields.toSorted()).toEqual(options.toSorted());
});

test('each field has its name and its help from the schema', () => {
  for (const path of form.sections.flatMap((section) => section.fields)) {
    expect([path, find(path)?.title, find(path)?.description]).toEqual([
      path,
      expect.stringMatching(/^[A-Z]/),
      expect.stringMatching(/\.$/),
    ]);
  }
});
