"""Sizes of request bodies, in bytes; an upload is read as a stream and has a limit of its own."""

#: A JSON body.
MAX_JSON_BYTES = 64 * 1024
#: Any body that is held in memory, such as a form's.
MAX_BODY_BYTES = 256 * 1024
