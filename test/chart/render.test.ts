/** That the renderer does what Helm does, where charts stumble. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { renderChart, type RenderRequest } from './render.ts';

const place = mkdtempSync(join(tmpdir(), 'plumbline-charts-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const values = 'replicas: 3\nbig: 1073741824\nname: web\nempty: ""\nlabels: {b: "2", a: "1"}\n';

/** What one template makes, in a chart with these values and a file. */
function made(template: string, request: Partial<RenderRequest> = {}): string {
  const chart = mkdtempSync(join(place, 'chart-'));
  mkdirSync(join(chart, 'templates'));
  mkdirSync(join(chart, 'files'));
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: example\nversion: 1.2.3\nappVersion: "4"\n');
  writeFileSync(join(chart, 'values.yaml'), values);
  writeFileSync(join(chart, 'files/rules.txt'), 'one\ntwo\n');
  writeFileSync(join(chart, 'templates/_parts.tpl'), '{{- define "part" -}}\nx: {{ .Values.name }}\ny: 2\n{{- end -}}');
  writeFileSync(join(chart, 'templates/made.yaml'), template);
  const rendering = renderChart({
    chart,
    values: [],
    release: 'audit',
    namespace: 'observability',
    kubeVersion: 'v1.34.1',
    apiVersions: ['monitoring.coreos.com/v1'],
    strict: false,
    ...request,
  });
  return rendering.ok ? (rendering.files.get('example/templates/made.yaml') ?? 'nothing') : rendering.message;
}

describe('a template', () => {
  it.each([
    ['{{ include "part" . | nindent 2 }}', '\n  x: web\n  y: 2'],
    ['{{ toYaml .Values.labels }}', 'a: "1"\nb: "2"'],
    ['{{ .Values.replicas }} {{ .Values.big | int64 }} {{ toYaml .Values.big }}', '3 1073741824 1073741824'],
    ['{{ .Values.empty | default "else" }}{{ .Values.none }}', 'else'],
    ['{{ tpl "{{ .Release.Name }}" . }}', 'audit'],
    ['{{ (lookup "v1" "Secret" "ns" "name").data }}', ''],
    ['{{ .Files.Get "files/rules.txt" }}{{ .Files.Get "files/none" }}', 'one\ntwo\n'],
    ['{{ .Chart.Name }}-{{ .Chart.Version }} {{ .Chart.AppVersion }}', 'example-1.2.3 4'],
    ['{{ .Template.Name }}', 'example/templates/made.yaml'],
    ['{{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}', 'true'],
    ['{{ semverCompare ">=1.27-0" .Capabilities.KubeVersion.Version }}', 'true'],
    ['{{ (fromYaml "a: {b: 1}").a.b }} {{ toJson .Values.labels }}', '1 {"a":"1","b":"2"}'],
  ])('%s', (template, expected) => expect(made(template)).toBe(expected));

  it('takes values from above, key by key, and null takes one away', () => {
    const over = [{ labels: { b: null, c: '3' } }, { name: 'api' }];
    expect(made('{{ toYaml .Values.labels }} {{ .Values.name }}', { values: over })).toBe('a: "1"\nc: "3" api');
  });

  it('that fails says its own words, and where', () => {
    expect(made('a: 1\nb: {{ fail "no such thing" }}')).toBe(
      'execution error at (example/templates/made.yaml:2:6): no such thing',
    );
    expect(made('{{ required "name it" .Values.empty }}')).toBe(
      'execution error at (example/templates/made.yaml:1:3): name it',
    );
  });

  it('that asks for a field which Chart.yaml cannot have is refused', () => {
    expect(made('{{ .Chart.Nothing }}')).toContain("can't evaluate field Nothing");
  });

  it('cannot read the machine', () => {
    expect(made('{{ env "HOME" }}')).toContain('function "env" not defined');
  });

  it('asked strictly, may use no value that is not there', () => {
    expect(made('{{ .Values.none }}', { strict: true })).toContain('map has no entry for key "none"');
  });
});
