{{- define "plumbline.agent" -}}
{{ .Release.Name }}-agent
{{- end -}}

{{- define "plumbline.aggregator" -}}
{{ .Release.Name }}-aggregator
{{- end -}}

{{- define "plumbline.headless" -}}
{{ .Release.Name }}-aggregator-pods
{{- end -}}

{{- /* Of objects without a namespace: two releases of one name in two namespaces must not meet. */ -}}
{{- define "plumbline.clusterName" -}}
{{ .Release.Namespace }}-{{ .Release.Name }}-aggregator
{{- end -}}

{{- define "plumbline.tag" -}}
{{ .Values.image.tag | default .Chart.AppVersion }}
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
