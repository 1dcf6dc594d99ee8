{{/* The image by its whole name. */}}
{{- define "irsa-sidecar.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ include "irsa-sidecar.text" (.Values.image.tag | default .Chart.AppVersion) }}{{ end }}
{{- end }}

{{/* A number is a text here: Helm reads 268435456 as 2.68435456e+08, and a tag may be 1. */}}
{{- define "irsa-sidecar.text" -}}
{{ if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* The webhook's arguments, beside image and region. */}}
{{- define "irsa-sidecar.arguments" -}}
- {{ printf "--audience=%s" .Values.audience | quote }}
- --token-expiration={{ .Values.tokenExpirationSeconds | int }}
{{- range $kind := list "requests" "limits" }}
{{- $amounts := get $.Values.resources $kind | default dict }}
{{- $all := list }}
{{- range $name := list "cpu" "memory" "ephemeral-storage" }}
{{- $amount := get $amounts $name | default "none" }}
{{- $all = append $all (printf "%s=%s" $name (include "irsa-sidecar.text" $amount)) }}
{{- end }}
- --{{ $kind }}={{ join "," $all }}
{{- end }}
{{- with .Values.image.pullPolicy }}
- --image-pull-policy={{ . }}
{{- end }}
{{- range .Values.imagePullSecrets }}
- --image-pull-secret={{ .name }}
{{- end }}
{{- with .Values.priorityClassName }}
- --priority-class={{ . }}
{{- end }}
{{- end }}

{{/* What the policy reads from its ConfigMap. */}}
{{- define "irsa-sidecar.data" -}}
image: {{ include "irsa-sidecar.image" . | quote }}
region: {{ .Values.region | quote }}
audience: {{ .Values.audience | quote }}
tokenExpirationSeconds: {{ .Values.tokenExpirationSeconds | int | quote }}
{{- range $kind, $amounts := .Values.resources }}
{{- range $name, $amount := $amounts }}
resources.{{ $kind }}.{{ $name }}: {{ include "irsa-sidecar.text" $amount | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The ConfigMap's name, another one for each policy and each set of parameters: while one replaces the other, no pod gets
half of each.
*/}}
{{- define "irsa-sidecar.parameters" -}}
{{- $all := list (include "irsa-sidecar.policy" .) (include "irsa-sidecar.data" .) }}
{{- $baked := list .Values.image.pullPolicy .Values.imagePullSecrets .Values.priorityClassName }}
{{- printf "irsa-sidecar-%s" (list $all $baked | toJson | sha256sum | trunc 8) }}
{{- end }}
