/** Who asks, as the API tells it. */
import Type, { type Static } from 'typebox';
import { apiVersion, nullableString } from './list.ts';

export const whoamiSchema = Type.Object(
  {
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal('Whoami'),
    mode: Type.Enum(['kubernetes', 'none'], { description: 'none: nobody is asked who they are.' }),
    username: nullableString('As the API server knows them; null where nobody is asked.'),
    how: Type.Unsafe<'token' | 'session' | null>({
      type: ['string', 'null'],
      enum: ['token', 'session', null],
      description: 'By a bearer token, or by a session of the page; null where nobody is asked.',
    }),
    until: nullableString('When the token or session ends; null where it does not say.'),
  },
  { $id: 'Whoami' },
);

export type WhoamiJson = Static<typeof whoamiSchema>;
