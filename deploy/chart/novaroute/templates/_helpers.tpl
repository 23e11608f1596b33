{{/* The port of metrics_address: the part after its last colon. */}}
{{- define "novaroute.metricsPort" -}}
{{- splitList ":" .Values.config.metrics_address | last -}}
{{- end -}}
