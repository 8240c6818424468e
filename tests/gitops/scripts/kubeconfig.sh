# A kubeconfig of the workspace, or none: then aim asks the cluster of the pod.
if [ "$BOUND" = true ]; then export KUBECONFIG="$KUBECONFIG_FOLDER/kubeconfig"; fi
put() { printf %s "$2" | head -c 300 > "$1"; }
