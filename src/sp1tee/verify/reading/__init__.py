"""Reading bytes that nobody vouches for: files, JSON, hex."""

from sp1tee.verify.reading.files import is_folder, is_there, read_file
from sp1tee.verify.reading.hexes import from_hex
from sp1tee.verify.reading.strict_json import read_json, read_object

__all__ = ["from_hex", "is_folder", "is_there", "read_file", "read_json", "read_object"]
