{{- define "plumbline.agent" -}}
{{ .Release.Name }}-agent
{{- end -}}

{{- define "plumbline.aggregator" -}}
{{ .Release.Name }}-aggregator
{{- end -}}

{{- define "plumbline.headless" -}}
{{ .Release.Name }}-aggregator-headless
{{- end -}}

{{- define "plumbline.agentNamespace" -}}
{{ .Values.agent.namespace | default .Release.Namespace }}
{{- end -}}

{{- /* Of the aggregator's own rights: two releases of one name in two namespaces must not meet. */ -}}
{{- define "plumbline.clusterName" -}}
{{ .Release.Namespace }}-{{ .Release.Name }}-aggregator
{{- end -}}

{{- define "plumbline.viewer" -}}
{{ .Release.Name }}-viewer
{{- end -}}

{{- define "plumbline.tlsSecret" -}}
{{ .Release.Name }}-tls
{{- end -}}

{{- define "plumbline.caConfigMap" -}}
{{ .Values.tls.existingCAConfigMap | default (printf "%s-ca" .Release.Name) }}
{{- end -}}

{{- define "plumbline.serviceHost" -}}
{{ include "plumbline.aggregator" . }}.{{ .Release.Namespace }}.svc
{{- end -}}

{{- define "plumbline.headlessHost" -}}
{{ include "plumbline.headless" . }}.{{ .Release.Namespace }}.svc
{{- end -}}

{{- /* The name in the certificate, by whichever way it is reached. */ -}}
{{- define "plumbline.serverName" -}}
{{ .Values.tls.serverName | default (include "plumbline.serviceHost" .) }}
{{- end -}}

{{- /* Takes the root and the values of one program. */ -}}
{{- define "plumbline.image" -}}
{{- $root := first . -}}
{{- with last . -}}
{{ .image }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}{{ with .imageDigest }}@{{ . }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "plumbline.labels" -}}
app.kubernetes.io/name: plumbline
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "plumbline.agentSelector" -}}
app.kubernetes.io/name: plumbline
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end -}}

{{- define "plumbline.aggregatorSelector" -}}
app.kubernetes.io/name: plumbline
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: aggregator
{{- end -}}

{{- /* A list of values' subjects, as a binding has them. */ -}}
{{- define "plumbline.subjects" -}}
{{- range . }}
- kind: {{ .kind }}
  name: {{ .name | quote }}
  {{- if eq .kind "ServiceAccount" }}
  namespace: {{ .namespace | quote }}
  {{- else }}
  apiGroup: rbac.authorization.k8s.io
  {{- end }}
{{- end }}
{{- end -}}
