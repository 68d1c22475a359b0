from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Envelope(_message.Message):
    __slots__ = ("trace_id", "tenant_id", "room_id", "timestamp", "twist_id", "headers", "signature", "cmd", "event", "signal")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    TWIST_ID_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CMD_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    trace_id: str
    tenant_id: str
    room_id: str
    timestamp: int
    twist_id: str
    headers: _containers.ScalarMap[str, str]
    signature: bytes
    cmd: Command
    event: Event
    signal: SystemSignal
    def __init__(self, trace_id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., room_id: _Optional[str] = ..., timestamp: _Optional[int] = ..., twist_id: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., signature: _Optional[bytes] = ..., cmd: _Optional[_Union[Command, _Mapping]] = ..., event: _Optional[_Union[Event, _Mapping]] = ..., signal: _Optional[_Union[SystemSignal, _Mapping]] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ("type", "data")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    type: str
    data: bytes
    def __init__(self, type: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("type", "data")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    type: str
    data: bytes
    def __init__(self, type: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class SystemSignal(_message.Message):
    __slots__ = ("type", "reason")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[SystemSignal.Type]
        DISCONNECT: _ClassVar[SystemSignal.Type]
        BAN: _ClassVar[SystemSignal.Type]
    UNKNOWN: SystemSignal.Type
    DISCONNECT: SystemSignal.Type
    BAN: SystemSignal.Type
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    type: SystemSignal.Type
    reason: str
    def __init__(self, type: _Optional[_Union[SystemSignal.Type, str]] = ..., reason: _Optional[str] = ...) -> None: ...
