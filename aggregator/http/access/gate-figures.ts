/** What the gate tells of itself. */
import type { Figure } from '../../model/record.ts';

export interface GateCounts {
  readonly tokenReviews: readonly (readonly [string, number])[];
  readonly accessReviews: readonly (readonly [string, number])[];
  readonly sessions: number;
}

export function gateFigures({ tokenReviews, accessReviews, sessions }: GateCounts): readonly Figure[] {
  return [
    ...tokenReviews.map(
      ([outcome, value]): Figure => ({
        name: 'plumbline_http_token_reviews_total',
        help: 'Tokens of people held against the API server, by what came of it; remembered: without asking again.',
        kind: 'counter',
        labels: { outcome },
        value,
      }),
    ),
    ...accessReviews.map(
      ([outcome, value]): Figure => ({
        name: 'plumbline_http_access_reviews_total',
        help: 'What people may, held against the API server, by what came of it; remembered: without asking again.',
        kind: 'counter',
        labels: { outcome },
        value,
      }),
    ),
    { name: 'plumbline_http_sessions', help: 'Sessions of the page that are open.', kind: 'gauge', value: sessions },
  ];
}
