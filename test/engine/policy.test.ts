/** A running aggregator that is asked about policies: by the API's objects of that very moment. */
import { expect, it } from 'vitest';
import { feedObjects } from '../../aggregator/engine/feed-objects.ts';
import { answerQuestion } from '../../aggregator/audit/policy/answer-question.ts';
import { namespaces, pods, policy } from '../policy-world.ts';
import { FakeCluster } from './fake-feeds.ts';

function withPods() {
  const feed = new FakeCluster(() => 0);
  const objects = feedObjects(feed);
  for (const namespace of namespaces) feed.setNamespace(namespace);
  for (const pod of pods) feed.setPod(pod);
  feed.setPolicies([]);
  for (const kind of ['pods', 'namespaces', 'networkpolicies'] as const) feed.setHealth(kind, null);
  const allowed = () => {
    const answer = answerQuestion(objects, { from: 'pod/test/web', to: 'pod/shop/db', port: 5432, protocol: null });
    return answer.ok ? answer.report.allowed : answer.problem;
  };
  return { feed, allowed };
}

const fromTest = { from: [{ namespaceSelector: { matchLabels: { team: 'a' } } }] };

it('what policies say follows policies, namespaces and pods', () => {
  const { feed, allowed } = withPods();
  const told = [allowed()];
  feed.setPolicies([policy('shop/deny', { podSelector: {} })]);
  told.push(allowed());
  feed.setPolicies([policy('shop/deny', { podSelector: { matchLabels: { app: 'db' } }, ingress: [fromTest] })]);
  told.push(allowed());
  feed.setNamespace({ name: 'test', labels: {}, annotations: {} });
  told.push(allowed());
  for (const pod of pods) if (pod.name === 'db') feed.setPod({ ...pod, labels: { app: 'other' } });
  told.push(allowed());
  expect(told).toEqual([true, false, true, false, true]);
});

it('while policies are not known nothing is said', () => {
  const { feed, allowed } = withPods();
  feed.setHealth('networkpolicies', 'no answer');
  expect(allowed()).toBe("Nothing can be said of policies: the API's NetworkPolicies are not known.");
});
