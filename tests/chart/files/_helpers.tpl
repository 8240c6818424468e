{{- /* An image, from the registry of the values where there is one. */ -}}
{{- define "aim.mirrored" -}}
{{- $image := index . 1 -}}
{{- with (index . 0).Values.imageRegistry }}{{ . }}/{{ regexReplaceAll "^[^/]+/" $image "" }}{{ else }}{{ $image }}{{ end -}}
{{- end -}}

{{- /* One of the operator's own, which works in one namespace alone: hooks, certificates and policies name it. */ -}}
{{- define "aim.image" -}}
{{- $root := index . 0 -}}
{{- if ne $root.Release.Namespace "aim-system" }}{{ fail "install it with --namespace=aim-system" }}{{ end -}}
{{- $digest := (index $root.Values.images (index . 1)).digest -}}
{{- include "aim.mirrored" (list $root (printf "ghcr.io/aim-engine/aim-%s:@VERSION@" (index . 1))) }}{{ with $digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "aim.hooks" -}}{{ include "aim.image" (list . "hooks") }}{{- end -}}

{{- define "aim.downloader" -}}{{ include "aim.image" (list . "downloader") }}{{- end -}}

{{- /* A Job cannot be changed: what changes its pod is in its name. */ -}}
{{- define "aim.certificatesJob" -}}
{{- $which := list (include "aim.hooks" .) .Values.components.certManager | toJson -}}
{{- $shipped := list (printf "ghcr.io/aim-engine/aim-hooks:%s" "@VERSION@") false | toJson -}}
aim-certificates-@VERSION@{{ if ne $which $shipped }}-{{ sha256sum $which | trunc 6 }}{{ end -}}
{{- end -}}

{{- /* The text of config.yaml: what ships, or the values. */ -}}
{{- define "aim.settings" -}}
{{- $config := deepCopy .Values.config -}}
{{- with .Values.imageRegistry }}{{ $config = merge $config (dict "imageRegistry" .) }}{{ end -}}
{{- if $config }}{{ toYaml $config }}{{ print "\n" }}{{ else }}{{ @SETTINGS@ }}{{ end -}}
{{- end -}}

{{- /* The name that kustomize gives to the same ConfigMap: its content in ten letters. */ -}}
{{- define "aim.settingsName" -}}
{{- $content := dict "data" (dict "config.yaml" (include "aim.settings" .)) "kind" "ConfigMap" "name" "" | toJson -}}
{{- $hash := sha256sum $content | trunc 10 -}}
aim-config-{{ $hash | replace "0" "g" | replace "1" "h" | replace "3" "k" | replace "a" "m" | replace "e" "t" }}
{{- end -}}
