"""The errors of this project: one tree; the class tells the receiver what to do.

| class                     | raised by                                    | becomes                        |
|---------------------------|----------------------------------------------|--------------------------------|
| AimError                  | (the root of the tree)                       | HTTP 500, exit code 1          |
| InvalidInputError         | readers: whoever wrote the input corrects it | exit code 2                    |
| - BadRequestError         | hooks, and readers of requests               | HTTP 400, or 422 by a hook     |
| - MalformedError          | the reader of request heads                  | HTTP 400 or near, and the end  |
| - ConfigError             | readers of settings and environment          | the server does not start      |
| - InvalidManifestError    | the reader of objects in files               | exit code 2                    |
| - InvalidQuantityError    | the parser of quantities                     | HTTP 422, exit code 2          |
| - SelectorError           | the reader of DeviceClasses' selectors       | the class selects nothing      |
| - InvalidDurationError    | the parser of durations                      | exit code 2                    |
| - ScheduleError           | the reader of schedules                      | exit code 2                    |
| - TrafficError            | the reader of recorded traffic               | exit code 2                    |
| - InvalidUrlError         | the parser of URLs                           | DownloadError, another attempt |
| - ManifestError           | the reader of manifests of artifacts         | DownloadError, exit code 47    |
| - S3FormatError           | the reader of what S3 services write         | DownloadError, another attempt |
| - UnreadableConfigError   | the reader of a model's config.json          | exit code 2                    |
| - InvalidFormError      | the planner of the web page                  | HTTP 422                       |
| - InvalidChatError      | the chat of the web page                     | HTTP 422                       |
| - UnknownProductError   | plans for GPU products by name               | exit code 2                    |
| - InvalidVolumeError      | commands that open a folder as a cache       | exit code 2                    |
| - InvalidIndexError       | the reader of a volume's index               | the index is rebuilt           |
| - NewerIndexError         | the same, for the index of a later release   | DownloadError, exit code 49    |
| - InvalidCertificateError | readers of certificates and keys             | they are issued again          |
| - InputError              | the reader of a gateway's mounted files      | the last good ones stay        |
| - HeadError               | the reader of a gateway agent's requests     | the connection is closed       |
| UnavailableError          | clients of other programs: retry later       | as its subclasses              |
| - ApiServerError          | Jobs and commands that need the API server   | exit code 1                    |
| - ChatError             | the same, of the gateway that it asks        | its HTTP status, or 502        |
| - UnreadableError       | the web page's reader of the cluster         | a page with HTTP 403, 404, 502 |
| - WriteConflictError      | writers of an object that has changed since  | another attempt                |
| - ClosedError             | connections of the hook server               | the connection is closed       |
| - PrometheusError         | the observer of live metrics                 | a reason in status.metrics     |
| - TooManyError            | the observer of free capacity                | nothing is known of it         |
| - TooLargeError           | observers, of more than they read            | what is observed stays unknown |
| - TurnedAwayError         | the holder of requests for cold models       | HTTP 404, 429 or 503           |
| - GoneError               | the same, for a client that has hung up      | the connection is closed       |
| - TransientError          | one attempt of a download                    | another attempt, DownloadError |
| DownloadError             | downloads and clean-ups, with a reason       | the exit code of its reason    |
| WrongKindError            | the reader and writer of a volume's files    | DownloadError, exit code 49    |
| CancelledError            | threads of a download that has to stop       | the error that stopped it      |
| CommandError              | the commands of `aim`                        | its own exit code              |
| - AbsentEndpointError     | the same, of an endpoint that is not there   | exit code 1                    |
| UnsupportedSchemaError    | `make crds`: correct the API type            | a traceback                    |
"""


class AimError(Exception):
    """Any error of this project; the message is a sentence with the facts."""


class InvalidInputError(AimError, ValueError):
    """Input that cannot be used; its author has to correct it. A ValueError, so that validators may raise it, too."""


class UnavailableError(AimError):
    """Another program did not do its part; the same request may succeed later."""
