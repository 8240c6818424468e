"""Why pods do not become ready: scheduling, images, engines' own errors, with secrets hidden."""
