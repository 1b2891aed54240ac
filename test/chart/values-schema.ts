/** charts/plumbline/values.schema.json, asked as Helm asks it before it renders anything. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';

export const valuesSchema: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../charts/plumbline/values.schema.json'), 'utf8'),
);

const validate = new Ajv({
  allErrors: true,
  strict: true,
  strictTypes: false,
  strictRequired: false,
  verbose: true,
}).compile(Object(valuesSchema));

/** What is wrong with values, one line each with its place and what is wanted there; empty where nothing is. */
export function refusalsOf(values: unknown): readonly string[] {
  if (validate(values)) return [];
  const errors = validate.errors ?? [];
  return errors
    .filter(({ keyword }) => keyword !== 'if')
    .map(({ instancePath, message, params, parentSchema }) => {
      const place = instancePath === '' ? '(root)' : instancePath.slice(1).replaceAll('/', '.');
      const { title } = Object(parentSchema);
      const detail = params.allowedValues?.join(', ') ?? params.additionalProperty;
      return `${place}: ${message}${detail === undefined ? '' : ` (${detail})`}${title === undefined ? '' : `: ${title}`}`;
    });
}
