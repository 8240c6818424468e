"""What no S3 service writes is one error, whatever it is."""

import pytest

from hooks.jobs.volume.s3_listing import S3FormatError, error_code, parse_page

NO_LISTS = (
    b"",
    b"\xff",
    b"<a/>",
    b"<a>" * 100,
    b"<?xml version='1.0' encoding='nobody-knows'?><ListBucketResult/>",
    b"<?xml version='1.0' encoding='zlib'?><ListBucketResult/>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><ListBucketResult>&b;</ListBucketResult>",
    b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
)


@pytest.mark.parametrize("text", NO_LISTS)
def test_what_is_no_list_is_refused(text):
    with pytest.raises(S3FormatError):
        parse_page(text)
    assert error_code(text) == ""
