"""What Metacontroller and the API server send and expect; reads observed children and conditions."""
