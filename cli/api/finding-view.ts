/** Findings as rows. */
import { subjectText } from '../../aggregator/model/finding.ts';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import { ageOf } from '../age.ts';
import type { ItemView } from './item-view.ts';

/** A finding, or what became of one: `withdrawn` when it was over before it fired. */
export type ShownFinding = Omit<FindingJson, 'state'> & { readonly state: FindingJson['state'] | 'withdrawn' };

export const findingView: ItemView<ShownFinding> = {
  kind: 'finding',
  nameOf: ({ fingerprint }) => fingerprint,
  columns: [
    { head: 'FINGERPRINT', cell: ({ fingerprint }) => fingerprint },
    { head: 'SEVERITY', cell: ({ severity }) => severity },
    { head: 'STATE', cell: ({ state }) => state },
    { head: 'LAYER', cell: ({ layer }) => layer, isWide: true },
    { head: 'CHECK', cell: ({ check }) => check },
    { head: 'NODE', cell: ({ node }) => node ?? '(cluster)' },
    { head: 'SUBJECT', cell: ({ subject }) => subjectText(subject) },
    { head: 'SINCE', cell: ({ since }, now) => ageOf(since, now), isAge: true },
    { head: 'ON NODES', cell: ({ groupNodes }) => String(groupNodes), isWide: true, isAge: true },
    { head: 'CAUSE', cell: ({ parent }) => parent ?? '-', isWide: true },
    { head: 'SUMMARY', cell: ({ summary }) => summary, isWide: true },
  ],
  paint: ({ severity, state }, line, paint) => {
    switch (state) {
      case 'firing':
        return paint.severity(severity, line);
      case 'unknown':
        return paint.warning(line);
      case 'pending':
        return line;
      case 'suppressed':
      case 'resolved':
      case 'gone':
      case 'withdrawn':
        return paint.quiet(line);
    }
  },
};
