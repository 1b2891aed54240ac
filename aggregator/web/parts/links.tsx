/** Links to what has a view of its own. A name that no path can hold stays a name: it is none that the API server gave. */
import { subjectText } from '../../model/finding.ts';
import type { FindingJson } from '../../http/schemas/finding.ts';
import { isName } from '../places.ts';

export function NodeLink({ name }: { readonly name: string }) {
  return isName(name) ? <a href={`/nodes/${name}`}>{name}</a> : <bdi>{name}</bdi>;
}

/** What stands before the name of what it is; the other kinds say it themselves. */
const kindWords: Readonly<Partial<Record<FindingJson['subject']['kind'], string>>> = {
  Pod: 'pod ',
  NetworkPolicy: 'policy ',
  Link: 'link ',
  Peer: 'the way to ',
  Address: 'address ',
};

/** What a finding is about: a link where that has a view of its own. */
export function SubjectLink({ subject }: { readonly subject: FindingJson['subject'] }) {
  return (
    <>
      {kindWords[subject.kind] ?? ''}
      <SubjectName subject={subject} />
    </>
  );
}

function SubjectName({ subject }: { readonly subject: FindingJson['subject'] }) {
  const text = subjectText(subject);
  // A peer that is no Node is a router's address, and has no view.
  if (subject.kind === 'Node' || (subject.kind === 'Peer' && !isAddress(subject.name))) {
    return <NodeLink name={subject.name} />;
  }
  if (subject.kind !== 'Service' || !isName(subject.namespace) || !isName(subject.name)) {
    return <bdi>{text}</bdi>;
  }
  return <a href={`/services/${subject.namespace}/${subject.name}`}>{text}</a>;
}

function isAddress(text: string): boolean {
  return /^[0-9.]+$/.test(text) || text.includes(':');
}
