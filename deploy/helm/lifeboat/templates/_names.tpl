{{/* Programs made for Velero look for this label. */}}
{{- define "lifeboat.labels" -}}
component: velero
app.kubernetes.io/name: lifeboat
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Of what belongs to the whole cluster: with the namespace in it where several installations are possible. */}}
{{- define "lifeboat.clusterWideName" -}}
{{- if eq .Release.Namespace "velero" }}velero{{ else }}velero-{{ .Release.Namespace }}{{ end }}
{{- end }}

{{- define "lifeboat.tag" -}}
{{- .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "lifeboat.secret" -}}
{{- if .Values.credentials.file }}cloud-credentials{{ else }}{{ .Values.credentials.existingSecret }}{{ end }}
{{- end }}
