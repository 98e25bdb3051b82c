"""AWS's own description of its services, as its Python client has it: what a request or an answer may look like."""

from functools import cache
from typing import Any

from botocore.model import ServiceModel
from botocore.session import Session
from botocore.validate import ParamValidator


@cache
def service(name: str) -> ServiceModel:
    return Session().get_service_model(name)


def check_request(name: str, operation: str, parameters: dict[str, Any]) -> None:
    """Fails when AWS's client would not send it."""
    report = ParamValidator().validate(parameters, service(name).operation_model(operation).input_shape)
    assert not report.has_errors(), report.generate_report()


def check_answer(name: str, operation: str, answer: Any) -> None:
    """Fails when a fixture has a field that AWS does not send, or lacks one that it always does."""
    check_shape(service(name).operation_model(operation).output_shape, answer, operation)


def check_events(name: str, operation: str, events: list[tuple[str, Any]]) -> None:
    stream = service(name).operation_model(operation).get_event_stream_output()
    assert stream is not None
    for kind, body in events:
        check_shape(stream.members[kind], body, kind)


def check_shape(shape: Any, value: Any, place: str) -> None:
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        assert set(value) <= set(shape.members), f"{place}: {set(value) - set(shape.members)}"
        assert set(shape.required_members) <= set(value), f"{place} lacks {set(shape.required_members) - set(value)}"
        for key, member in value.items():
            check_shape(shape.members[key], member, f"{place}.{key}")
    elif shape.type_name == "list":
        for member in value:
            check_shape(shape.member, member, place)
    elif shape.type_name == "string":
        assert not shape.enum or value in shape.enum, f"{place}: {value}"
