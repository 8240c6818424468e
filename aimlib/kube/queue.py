"""What Kueue names: the label of a queue, and the gate of a pod that waits in one.

From pkg/controller/constants/constants.go and pkg/controller/jobs/pod/constants/constants.go of Kueue 0.17.
"""

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
QUEUE_GATE = "kueue.x-k8s.io/admission"
POD_UID_LABEL = "kueue.x-k8s.io/job-uid"
"""The label of a Workload with the uid of what it is for, here a pod."""
WORKLOAD_LABEL = "kueue.x-k8s.io/prebuilt-workload-name"
"""The label of a pod with the name of its Workload, where it has that together with others: the pods of a group."""
WORKLOADS = ("kueue.x-k8s.io", "v1beta2", "workloads")
"""Group, version and plural of the Workloads."""
LOCAL_QUEUES = ("kueue.x-k8s.io", "v1beta2", "localqueues")
CLUSTER_QUEUES = ("kueue.x-k8s.io", "v1beta2", "clusterqueues")
"""Of the queues that namespaces have, and of those with the quotas, to which they lead."""
