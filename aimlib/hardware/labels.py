"""Node labels about GPUs, by AMD's node labeller, NVIDIA's GPU feature discovery and GKE."""

AMD_ID = "amd.com/gpu.device-id"
AMD_COUNTED_ID = "beta.amd.com/gpu.device-id"
"""With the id in the key and a count as value; AMD's labeller sets it always, the plain label only on uniform nodes."""
AMD_PARTITION = "amd.com/gpu.compute-memory-partition"
AMD_PARTITIONED = (
    "cpx_nps1",
    "cpx_nps2",
    "cpx_nps4",
    "cpx_nps8",
    "dpx_nps1",
    "dpx_nps2",
    "qpx_nps1",
    "qpx_nps2",
    "qpx_nps4",
)
NVIDIA_PRODUCT = "nvidia.com/gpu.product"
GKE_ACCELERATOR = "cloud.google.com/gke-accelerator"
"""The product on GKE, where NVIDIA's feature discovery is not installed by default."""
GKE_DIVIDED = ("cloud.google.com/gke-gpu-partition-size", "cloud.google.com/gke-gpu-sharing-strategy")
"""On nodes of GKE whose GPUs are partitioned or shared."""
CLOUD_NAMES = ("karpenter.k8s.aws/instance-gpu-name", "k8s.amazonaws.com/accelerator", GKE_ACCELERATOR)
"""Labels of clouds and autoscalers with a name of the GPUs: by Karpenter on AWS, as EC2 names them in lower case
(karpenter-provider-aws pkg/providers/instancetype/types.go: t4, a10g, l40s, h100); by whoever made a node group of EKS,
for the cluster autoscaler (nvidia-tesla-t4, nvidia-ampere-a10, L4); by GKE. They name what is left out, and no more:
they tell neither partitions nor sharing."""
NODE_NAME = "metadata.name"
"""Not a label, but the field by which pods select nodes whose labels do not say what they have."""
OS = "kubernetes.io/os"
ARCHITECTURE = "kubernetes.io/arch"
