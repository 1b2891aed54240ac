/** A refusal as the API sends it, see ../errors.ts. */
import Type from 'typebox';
import { problems } from '../errors.ts';
import { reference } from './list.ts';

export const problemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Enum(Object.keys(problems)),
    detail: Type.String(),
    parameter: Type.Optional(Type.String()),
    allowed: Type.Optional(Type.Array(Type.String())),
  },
  { $id: 'Problem', description: 'RFC 9457. The code stays as it is from version to version.' },
);

/** For the responses of a route: what it answers where it refuses, as application/problem+json. */
export const refusals = {
  '4xx': {
    description: 'Refused, see `code`.',
    content: { 'application/problem+json': { schema: reference(problemSchema) } },
  },
} as const;
