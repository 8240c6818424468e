"""The web page: shows what the cluster serves and why, and answers what-if questions. It writes nothing."""
