"""What the hook server asks the cluster for besides what it is sent: each observer is switched on by AIM_OBSERVE."""
