"""The types of google-genai (Python) for an answer, and what pydantic finds wrong with one.

Taken from `types.py` of google-genai 3.4; `tests/consumers` compares the table with the installed package. A field is
found under its name in camel case first, else under its own name, in snake case, and then a second one is forbidden.
`[X]` is a list, `{str}` a dictionary of strings, `{}` one of anything; every field may be null; unknown ones are
taken away before anything is looked at.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.consumers.py_json import type_name
from vapi_conformance.consumers.pydantic_lax import scalar_error
from vapi_conformance.narrow import array_or_none, object_or_none

__all__ = ["FINISH_REASONS", "MODELS", "camel", "field", "fields_of", "validate"]

_SHOWN_ERRORS: Final = 3
_UNDERSCORED: Final = re.compile("_([a-z])")

FINISH_REASONS: Final = frozenset(
    {
        "BLOCKLIST",
        "CONTINUATION",
        "ESCALATION",
        "FINISH_REASON_UNSPECIFIED",
        "IMAGE_OTHER",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "LANGUAGE",
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MAX_TOKENS",
        "MISSING_THOUGHT_SIGNATURE",
        "MODEL_ARMOR",
        "NO_IMAGE",
        "OTHER",
        "PROHIBITED_CONTENT",
        "PUP_LIMITED_DISABLED",
        "RECITATION",
        "SAFETY",
        "SPII",
        "STOP",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)
"""Members of `FinishReason`; others are taken as they come."""

MODELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "GenerateContentResponse": (
            "sdk_http_response=HttpResponse candidates=[Candidate] model_version=str "
            "prompt_feedback=GenerateContentResponsePromptFeedback response_id=str "
            "usage_metadata=GenerateContentResponseUsageMetadata model_status=ModelStatus"
        ),
        "HttpResponse": "headers={str} body=str",
        "Candidate": (
            "content=Content citation_metadata=CitationMetadata finish_message=str token_count=int "
            "finish_reason=enum grounding_metadata=GroundingMetadata avg_logprobs=float index=int "
            "logprobs_result=LogprobsResult safety_ratings=[SafetyRating] url_context_metadata=UrlContextMetadata "
            "continuation_token=bytes"
        ),
        "GenerateContentResponsePromptFeedback": (
            "block_reason=enum block_reason_message=str safety_ratings=[SafetyRating]"
        ),
        "GenerateContentResponseUsageMetadata": (
            "cache_tokens_details=[ModalityTokenCount] cached_content_token_count=int candidates_token_count=int "
            "candidates_tokens_details=[ModalityTokenCount] prompt_token_count=int "
            "prompt_tokens_details=[ModalityTokenCount] thoughts_token_count=int tool_use_prompt_token_count=int "
            "tool_use_prompt_tokens_details=[ModalityTokenCount] total_token_count=int traffic_type=enum"
        ),
        "ModelStatus": "message=str model_stage=enum retirement_time=datetime",
        "Content": "parts=[Part] role=str",
        "CitationMetadata": "citations=[Citation]",
        "GroundingMetadata": (
            "image_search_queries=[str] grounding_chunks=[GroundingChunk] grounding_supports=[GroundingSupport] "
            "retrieval_metadata=RetrievalMetadata search_entry_point=SearchEntryPoint web_search_queries=[str] "
            "google_maps_widget_context_token=str retrieval_queries=[str] "
            "source_flagging_uris=[GroundingMetadataSourceFlaggingUri]"
        ),
        "LogprobsResult": (
            "chosen_candidates=[LogprobsResultCandidate] top_candidates=[LogprobsResultTopCandidates] "
            "log_probability_sum=float"
        ),
        "SafetyRating": (
            "blocked=bool category=enum overwritten_threshold=enum probability=enum probability_score=float "
            "severity=enum severity_score=float"
        ),
        "UrlContextMetadata": "url_metadata=[UrlMetadata]",
        "ModalityTokenCount": "modality=enum token_count=int",
        "Part": (
            "media_resolution=PartMediaResolution code_execution_result=CodeExecutionResult "
            "executable_code=ExecutableCode file_data=FileData function_call=FunctionCall "
            "function_response=FunctionResponse inline_data=Blob text=str thought=bool thought_signature=bytes "
            "video_metadata=VideoMetadata tool_call=ToolCall tool_response=ToolResponse part_metadata={} "
            "audio_transcription=Transcription media_processing=enum speech_metadata=SpeechMetadata "
            "document_metadata=DocumentMetadata spreadsheet_metadata=SpreadsheetMetadata "
            "audio_metadata=AudioMetadata"
        ),
        "Citation": "end_index=int license=str publication_date=GoogleTypeDate start_index=int title=str uri=str",
        "GroundingChunk": (
            "image=GroundingChunkImage maps=GroundingChunkMaps retrieved_context=GroundingChunkRetrievedContext "
            "web=GroundingChunkWeb"
        ),
        "GroundingSupport": (
            "confidence_scores=[float] grounding_chunk_indices=[int] segment=Segment rendered_parts=[int]"
        ),
        "RetrievalMetadata": "google_search_dynamic_retrieval_score=float",
        "SearchEntryPoint": "rendered_content=str sdk_blob=bytes",
        "GroundingMetadataSourceFlaggingUri": "flag_content_uri=str source_id=str",
        "LogprobsResultCandidate": "log_probability=float token=str token_id=int",
        "LogprobsResultTopCandidates": "candidates=[LogprobsResultCandidate]",
        "UrlMetadata": "retrieved_url=str url_retrieval_status=enum",
        "PartMediaResolution": "level=enum num_tokens=int",
        "CodeExecutionResult": "outcome=enum output=str id=str",
        "ExecutableCode": "code=str language=enum id=str",
        "FileData": "display_name=str file_uri=str mime_type=str",
        "FunctionCall": "id=str args={} name=str partial_args=[PartialArg] will_continue=bool",
        "FunctionResponse": (
            "will_continue=bool scheduling=enum parts=[FunctionResponsePart] id=str name=str response={}"
        ),
        "Blob": "data=bytes display_name=str mime_type=str",
        "VideoMetadata": "end_offset=str fps=float start_offset=str content_layers=[enum]",
        "ToolCall": "id=str tool_type=enum args={}",
        "ToolResponse": "id=str tool_type=enum response={}",
        "Transcription": (
            "text=str finished=bool language_code=str speaker_label=str words=[WordInfo] start_offset=str "
            "end_offset=str"
        ),
        "SpeechMetadata": "speaker=str style=str",
        "DocumentMetadata": "start_page=int end_page=int content_layers=[enum]",
        "SpreadsheetMetadata": "visible_cells=str sheet_index=int content_layers=[enum]",
        "AudioMetadata": "start_offset=str end_offset=str",
        "GoogleTypeDate": "day=int month=int year=int",
        "GroundingChunkImage": "source_uri=str image_uri=str title=str domain=str",
        "GroundingChunkMaps": (
            "place_answer_sources=GroundingChunkMapsPlaceAnswerSources place_id=str text=str title=str uri=str "
            "route=GroundingChunkMapsRoute"
        ),
        "GroundingChunkRetrievedContext": (
            "document_name=str rag_chunk=RagChunk text=str title=str uri=str "
            "custom_metadata=[GroundingChunkCustomMetadata] file_search_store=str page_number=int media_id=str"
        ),
        "GroundingChunkWeb": "domain=str title=str uri=str",
        "Segment": "start_index=int end_index=int part_index=int text=str",
        "PartialArg": (
            "bool_value=bool json_path=str null_value=literal number_value=float string_value=str will_continue=bool"
        ),
        "FunctionResponsePart": (
            "inline_data=FunctionResponseBlob file_data=FunctionResponseFileData media_processing=enum "
            "media_resolution=PartMediaResolution video_metadata=VideoMetadata document_metadata=DocumentMetadata "
            "spreadsheet_metadata=SpreadsheetMetadata audio_metadata=AudioMetadata"
        ),
        "WordInfo": "word=str start_offset=str end_offset=str",
        "GroundingChunkMapsPlaceAnswerSources": (
            "review_snippet=[GroundingChunkMapsPlaceAnswerSourcesReviewSnippet] flag_content_uri=str "
            "review_snippets=[GroundingChunkMapsPlaceAnswerSourcesReviewSnippet]"
        ),
        "GroundingChunkMapsRoute": "distance_meters=int duration=str encoded_polyline=str",
        "RagChunk": "page_span=RagChunkPageSpan text=str chunk_id=str file_id=str",
        "GroundingChunkCustomMetadata": (
            "key=str numeric_value=float string_list_value=GroundingChunkStringList string_value=str"
        ),
        "FunctionResponseBlob": "mime_type=str data=bytes display_name=str",
        "FunctionResponseFileData": "file_uri=str mime_type=str display_name=str",
        "GroundingChunkMapsPlaceAnswerSourcesReviewSnippet": (
            "author_attribution=GroundingChunkMapsPlaceAnswerSourcesAuthorAttribution flag_content_uri=str "
            "google_maps_uri=str relative_publish_time_description=str review=str review_id=str title=str"
        ),
        "RagChunkPageSpan": "first_page=int last_page=int",
        "GroundingChunkStringList": "values=[str]",
        "GroundingChunkMapsPlaceAnswerSourcesAuthorAttribution": "display_name=str photo_uri=str uri=str",
    }
)


@cache
def fields_of(model: str) -> tuple[tuple[str, str], ...]:
    """A model's fields in order, and the kind of each."""
    pairs = (each.partition("=") for each in MODELS[model].split())
    return tuple((name, kind) for name, _, kind in pairs)


_Error = tuple[str, str]
"""Where, and which `type`."""


def validate(model: str, value: object) -> None:
    """`model_validate`, as `_from_response` calls it.

    Raises:
        PyError: a ValidationError: how many errors there are in pydantic's words, then where the first of them are and
            of which type, in ours. Or an AttributeError: the library's enums know strings only.
    """
    count = 0
    shown: list[str] = []
    for where, error_type in _model_errors(model, value, ""):
        count += 1
        if count <= _SHOWN_ERRORS:
            shown.append(f"{where}: {error_type}")
    if count:
        plural = "" if count == 1 else "s"
        raise PyError("ValidationError", f"{count} validation error{plural} for {model} ({', '.join(shown)})")


def field(fields: Mapping[str, object], name: str) -> object:
    """The value that a validated model's field has."""
    alias = camel(name)
    return fields[alias] if alias in fields else fields.get(name)


def camel(name: str) -> str:
    """A field's name as it is on the wire."""
    return _UNDERSCORED.sub(lambda match: match[1].upper(), name)


def _model_errors(model: str, value: object, where: str) -> Iterator[_Error]:
    fields = object_or_none(value)
    if fields is None:
        yield where, "model_attributes_type"
        return
    for name, kind in fields_of(model):
        alias = camel(name)
        found = alias if alias in fields else name
        if fields.get(found) is not None:
            yield from _errors(kind, fields[found], _below(where, found))
    twice = {name for name, _ in fields_of(model) if camel(name) != name and camel(name) in fields}
    for key in fields:
        if key in twice:
            yield _below(where, key), "extra_forbidden"


def _errors(kind: str, value: object, where: str) -> Iterator[_Error]:
    if kind in MODELS:
        yield from _model_errors(kind, value, where)
    elif kind.startswith("["):
        items = array_or_none(value)
        if items is None:
            yield where, "list_type"
            return
        for position, item in enumerate(items):
            yield from _errors(kind[1:-1], item, _below(where, str(position)))
    elif kind == "{str}":
        members = object_or_none(value)
        if members is None:
            yield where, "dict_type"
            return
        for key, member in members.items():
            yield from _errors("str", member, _below(where, key))
    else:
        if kind == "enum" and not isinstance(value, str):
            raise PyError("AttributeError", f"'{type_name(value)}' object has no attribute 'upper'")
        error_type = scalar_error(kind, value)
        if error_type is not None:
            yield where, error_type


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
