{{- define "sp1tee.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "sp1tee.labels" -}}
app.kubernetes.io/name: sp1tee
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The variable of a setting: (list "SERVE" "max_attempts"). */ -}}
{{- define "sp1tee.variable" -}}
SP1TEE_{{ index . 0 }}_{{ index . 1 | upper }}
{{- end -}}

{{- /* Settings as variables: (list "SERVE" settings). */ -}}
{{- define "sp1tee.settings" -}}
{{- $section := index . 0 -}}
{{- range $name, $value := index . 1 }}
- name: {{ include "sp1tee.variable" (list $section $name) }}
  value: {{ (kindIs "slice" $value | ternary (join "," $value) (toString $value)) | quote }}
{{- end }}
{{- end -}}

{{- /* Variables that name the files of secrets: (list "SERVE" secrets). */ -}}
{{- define "sp1tee.secretVariables" -}}
{{- $section := index . 0 -}}
{{- range $name, $secret := index . 1 }}
- name: {{ include "sp1tee.variable" (list $section $name) }}_FILE
  value: /run/secrets/sp1tee/{{ $name }}
{{- end }}
{{- end -}}

{{- /* A volume of secrets, each a file under its setting's name. */ -}}
{{- define "sp1tee.secretVolume" -}}
- name: secrets
  projected:
    # 0440: of the pod's group, which is this container's alone.
    defaultMode: 288
    sources:
      {{- range $name, $secret := . }}
      - secret:
          name: {{ required (printf "%s: the Secret's name is missing" $name) $secret.name }}
          items: [{key: {{ required (printf "%s: the Secret's key is missing" $name) $secret.key | quote }}, path: {{ $name }}}]
      {{- end }}
{{- end -}}

{{- define "sp1tee.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "sp1tee.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Every secret of the server that is a file, by its setting's name. */ -}}
{{- define "sp1tee.serveSecrets" -}}
{{- $serve := .Values.serve -}}
{{- $named := dict
      "database_url" $serve.databaseUrlSecret
      "vault_key" $serve.vault.keySecret
      "vault_access_key_id" $serve.vault.accessKeyIdSecret
      "vault_secret_access_key" $serve.vault.secretAccessKeySecret
      "worker_token" (required "serve.workerTokenSecret is missing" $serve.workerTokenSecret)
      "admin_token" $serve.adminTokenSecret -}}
{{- $found := deepCopy $serve.secretFiles -}}
{{- range $name, $secret := $named -}}
{{- if $secret }}{{ $_ := set $found $name $secret }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{- /* How fulfillers and monitoring reach the worker listener. */ -}}
{{- define "sp1tee.workersScheme" -}}
{{ hasKey .Values.serve.secretFiles "worker_tls_cert" | ternary "https" "http" }}
{{- end -}}

{{- /* Refuse what would lose requests: several servers that share nothing. */ -}}
{{- define "sp1tee.checks" -}}
{{- $serve := .Values.serve -}}
{{- if gt (int $serve.replicas) 1 -}}
{{- if not (and $serve.databaseUrlSecret $serve.vault.url) -}}
{{- fail "serve.replicas: several need serve.databaseUrlSecret and serve.vault.url, which they share" -}}
{{- end -}}
{{- if not $serve.adminTokenSecret -}}
{{- fail "serve.replicas: several need serve.adminTokenSecret, or each has a token of its own" -}}
{{- end -}}
{{- end -}}
{{- if and $serve.databaseUrlSecret (not $serve.vault.url) -}}
{{- fail "serve.databaseUrlSecret: a server with a database elsewhere has no volume, and needs serve.vault.url" -}}
{{- end -}}
{{- if and $serve.databaseUrlSecret (not $serve.vault.keySecret) (ne (get $serve.settings "vault_key_source" | toString) "dstack") -}}
{{- fail "serve.databaseUrlSecret: a server without a volume needs serve.vault.keySecret" -}}
{{- end -}}
{{- end -}}
