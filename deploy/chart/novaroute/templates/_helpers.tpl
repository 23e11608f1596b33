{{/* The port of metrics_address: the part after its last colon. */}}
{{- define "novaroute.metricsPort" -}}
{{- splitList ":" .Values.config.metrics_address | last -}}
{{- end -}}

{{/* The name of the program in labels, and so Prometheus' job. */}}
{{- define "novaroute.name" -}}
{{- .Values.nameOverride | default "novaroute-agent" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of the DaemonSet and of what there is one of. */}}
{{- define "novaroute.fullname" -}}
{{- .Values.fullnameOverride | default "novaroute-agent" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* What other names begin with. */}}
{{- define "novaroute.prefix" -}}
{{- .Values.fullnameOverride | default "novaroute" | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels of an object; the argument is a list of the root and the component. */}}
{{- define "novaroute.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "novaroute.name" $root }}
app.kubernetes.io/component: {{ index . 1 }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An image, by its digest where there is one. */}}
{{- define "novaroute.image" -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag }}
{{- end -}}
{{- end -}}

{{/* The guide's owners, where the values name none. */}}
{{- define "novaroute.guideOwners" -}}
novaedge:
  token_file: /etc/novaroute-tokens/novaedge
  # Calls ConfigureBGP, as in the guide. While any owner has this key, only those where it is true may, and admin.
  may_configure_bgp: true
  allowed_prefixes:
    type: host_only
    allowed_cidrs: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]
novanet:
  token_file: /etc/novaroute-tokens/novanet
  allowed_prefixes:
    type: subnet
    allowed_cidrs: [10.244.0.0/16]
admin:
  token_file: /etc/novaroute-tokens/admin
  allowed_prefixes:
    type: any
    allowed_cidrs: []
{{- end -}}

{{/* The owners, as YAML: those of the values and no others, or the guide's. */}}
{{- define "novaroute.owners" -}}
{{- if .Values.config.owners -}}
{{- toYaml .Values.config.owners -}}
{{- else -}}
{{- include "novaroute.guideOwners" . -}}
{{- end -}}
{{- end -}}

{{/* A token for each owner whose token_file is a file of the Secret, as YAML. */}}
{{- define "novaroute.tokens" -}}
{{- $tokens := dict -}}
{{- $given := .Values.tokens.values | default dict -}}
{{- $own := .Values.config.owners -}}
{{- range $name, $owner := include "novaroute.owners" . | fromYaml -}}
{{- $file := $owner.token_file | default "" -}}
{{- if hasPrefix "/etc/novaroute-tokens/" $file -}}
{{- $key := trimPrefix "/etc/novaroute-tokens/" $file -}}
{{- $token := get $given $key -}}
{{- if and (not $token) (not $own) -}}
{{- $token = printf "CHANGE-ME-%s-token" $key -}}
{{- end -}}
{{- $why := printf "tokens.values.%s: owner %s has its token in %s; give it, or a Secret of yours as tokens.existingSecret" $key $name $file -}}
{{- $_ := set $tokens $key (required $why $token) -}}
{{- end -}}
{{- end -}}
{{- range $key, $token := $given -}}
{{- if not (hasKey $tokens $key) -}}
{{- fail (printf "tokens.values.%s: no owner has token_file /etc/novaroute-tokens/%s" $key $key) -}}
{{- end -}}
{{- end -}}
{{- toYaml $tokens -}}
{{- end -}}
