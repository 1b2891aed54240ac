import { describe, expect, it } from 'vitest';
import { HttpServer } from '../../aggregator/http/server.ts';
import { runCommand } from '../../test/command-run.ts';
import { type ForwardingCluster, forwardingCluster, portOf } from '../../test/forwarding-cluster.ts';
import { httpOptions } from '../../test/http-options.ts';

const pods = 'api/v1/namespaces/plumbline/pods';
const selector = 'app.kubernetes.io/name=plumbline,app.kubernetes.io/component=aggregator';

describe('what bars the way to the aggregator', () => {
  /** The words of the refusal, on one line. */
  async function refusal(cluster: ForwardingCluster): Promise<string> {
    const { exitCode, out, err } = await runCommand(['nodes'], { kubeconfig: cluster.kubeconfig });
    expect([exitCode, out]).toEqual([2, '']);
    return err.replaceAll(cluster.url, 'https://api').replaceAll('\n', ' ').trim();
  }

  async function cluster(): Promise<ForwardingCluster> {
    const made = await forwardingCluster();
    made.runPod('plumbline-aggregator-x', await portOf(new HttpServer(httpOptions())));
    return made;
  }
  const role =
    'The chart has a Role with all that it takes, <release>-command-line: have yourself added to access.commandLineUsers, or be bound to it.';

  it('is told when pods may not be listed', async () => {
    const made = await cluster();
    const message =
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "plumbline"';
    made.api.fail({ plural: 'pods', what: { kind: 'status', status: 403, message } });
    expect(await refusal(made)).toBe(
      `plumbline: cannot find the aggregator in the namespace plumbline: GET https://api/${pods}: 403 Forbidden: ${message} Your user lacks a right in the namespace plumbline: list pods. ${role}`,
    );
  });

  it('is told when no token may be taken', async () => {
    const made = await cluster();
    const message =
      'serviceaccounts "plumbline-viewer" is forbidden: User "jane" cannot create resource "serviceaccounts/token" in API group "" in the namespace "plumbline"';
    made.api.fail({ verb: 'token', what: { kind: 'status', status: 403, message } });
    expect(await refusal(made)).toBe(
      `plumbline: cannot take a token of the ServiceAccount plumbline/plumbline-viewer: POST https://api/api/v1/namespaces/plumbline/serviceaccounts/plumbline-viewer/token: 403 Forbidden: ${message} Your user lacks a right in the namespace plumbline: create serviceaccounts/token of plumbline-viewer. ${role}`,
    );
  });

  it('is told when no port may be forwarded', async () => {
    const made = await cluster();
    const message =
      'pods "plumbline-aggregator-x" is forbidden: User "jane" cannot get resource "pods/portforward" in API group "" in the namespace "plumbline"';
    made.forwards.refuseNext({ status: 403, body: { kind: 'Status', reason: 'Forbidden', message, code: 403 } });
    expect(await refusal(made)).toBe(
      `plumbline: cannot forward port 8080 of the pod plumbline/plumbline-aggregator-x: GET https://api/${pods}/plumbline-aggregator-x/portforward: 403 Forbidden: ${message} Your user lacks a right in the namespace plumbline: get and create pods/portforward. ${role}`,
    );
  });

  it('is told when there is no aggregator', async () => {
    const made = await forwardingCluster();
    expect(await refusal(made)).toBe(
      `plumbline: cannot find the aggregator in the namespace plumbline: no pod has the labels ${selector} Where it runs in another namespace, say so with --plumbline-namespace or PLUMBLINE_NAMESPACE.`,
    );
  });

  it('is told when it does not run', async () => {
    const made = await forwardingCluster();
    const waiting = { name: 'aggregator', state: { waiting: { reason: 'CrashLoopBackOff' } } };
    made.runPod('plumbline-aggregator-x', 1, { status: { phase: 'Running', containerStatuses: [waiting] } });
    made.runPod('plumbline-aggregator-y', 1, { status: { phase: 'Pending' } });
    expect(await refusal(made)).toBe(
      `plumbline: cannot find the aggregator in the namespace plumbline: no pod of it runs: plumbline-aggregator-x is CrashLoopBackOff, plumbline-aggregator-y is Pending kubectl --namespace plumbline describe pods --selector ${selector} says why. Try again when one runs.`,
    );
  });

  it('is told when there are two of them', async () => {
    const made = await cluster();
    made.runPod('other-aggregator-x', 1, { release: 'other' });
    expect(await refusal(made)).toContain('there are several: releases other, plumbline');
  });

  it('is told when the ServiceAccount is not there', async () => {
    const made = await forwardingCluster();
    made.runPod('lab-aggregator-x', await portOf(new HttpServer(httpOptions())), { release: 'lab' });
    expect(await refusal(made)).toMatch(
      /cannot take a token of the ServiceAccount plumbline\/lab-viewer: .* 404 NotFound: serviceaccounts "lab-viewer" not found The chart makes it: helm upgrade/,
    );
  });

  it('is told when the pod has gone since it was found', async () => {
    const made = await cluster();
    made.forwards.refuseNext({
      status: 404,
      body: { kind: 'Status', reason: 'NotFound', message: 'pods "x" not found' },
    });
    expect(await refusal(made)).toMatch(/404 NotFound: pods "x" not found The pod has just gone: try again\.$/);
  });

  it('is told when the aggregator does not listen within its pod', async () => {
    const made = await forwardingCluster();
    const gone = new HttpServer(httpOptions());
    const url = await gone.start({ host: '127.0.0.1', port: 0 });
    await gone.stop();
    made.runPod('plumbline-aggregator-x', Number(new URL(url).port));
    expect(await refusal(made)).toMatch(
      /cannot forward port 8080 of the pod plumbline\/plumbline-aggregator-x: error forwarding port 8080 .* connect: connection refused Does the aggregator run, and listen there\? Its log says: {3}kubectl --namespace plumbline logs plumbline-aggregator-x$/,
    );
  });

  it('is told when a proxy answers the upgrade with a page', async () => {
    const made = await cluster();
    made.forwards.refuseNext({ status: 502, body: '<html>' });
    expect(await refusal(made)).toMatch(/portforward: 502.* Try again; if it stays, kubectl get --raw \/readyz/);
  });

  it('is told when the API server does not know the user', async () => {
    const made = await cluster();
    made.api.fail({ plural: 'pods', what: { kind: 'status', status: 401 } });
    expect(await refusal(made)).toMatch(/401 Unauthorized The API server does not know you: log in anew/);
  });

  it('is told when nobody answers', async () => {
    const made = await cluster();
    made.api.fail({ plural: 'pods', what: { kind: 'cut' } });
    expect(await refusal(made)).toMatch(/unreachable: .* Does kubectl reach this cluster\?/);
  });
});
