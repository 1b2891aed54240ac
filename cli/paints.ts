/** What colours mean, in one place. Without colours every paint gives the text back. */
import picocolors from 'picocolors';
import type { Severity } from '../aggregator/model/finding.ts';

export type Paint = (text: string) => string;

export interface Paints {
  readonly strong: Paint;
  readonly quiet: Paint;
  readonly good: Paint;
  readonly warning: Paint;
  readonly command: Paint;
  severity(severity: Severity | 'unknown', text: string): string;
  nodeState(state: 'healthy' | 'unhealthy' | 'unknown', text: string): string;
}

/** The paints for a terminal that shows colours, or for one that does not. */
export function paints(colours: boolean): Paints {
  const colour = picocolors.createColors(colours);
  return {
    strong: colour.bold,
    quiet: colour.dim,
    good: colour.green,
    warning: colour.yellow,
    command: colour.cyan,
    severity(severity, text) {
      switch (severity) {
        case 'critical':
          return colour.bold(colour.red(text));
        case 'high':
          return colour.red(text);
        case 'medium':
        case 'unknown':
          return colour.yellow(text);
        case 'low':
          return text;
      }
    },
    nodeState(state, text) {
      switch (state) {
        case 'healthy':
          return colour.green(text);
        case 'unhealthy':
          return colour.red(text);
        case 'unknown':
          return colour.yellow(text);
      }
    },
  };
}
