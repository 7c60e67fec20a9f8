"""Which syntax nodes name something, per language; the grammars are those inside ast-grep."""

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {
    ".py": "python", ".pyi": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx",
    ".go": "go", ".rs": "rust", ".java": "java", ".kt": "kotlin", ".kts": "kotlin",
    ".swift": "swift", ".rb": "ruby", ".rake": "ruby", ".php": "php", ".cs": "csharp",
    ".c": "c", ".h": "cpp", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp",
    ".hh": "cpp", ".scala": "scala", ".sc": "scala", ".lua": "lua",
    ".ex": "elixir", ".exs": "elixir", ".sh": "bash", ".bash": "bash",
    ".tf": "hcl", ".hcl": "hcl", ".tfvars": "hcl", ".yaml": "yaml", ".yml": "yaml",
    ".css": "css", ".html": "html", ".htm": "html", ".json": "json",
}  # fmt: skip
"""File name ending -> language; only these names may reach the parser (others make it panic)."""

_ECMA: Mapping[str, str] = {
    "class_declaration": "class", "abstract_class_declaration": "class", "class": "class",
    "interface_declaration": "interface", "enum_declaration": "enum",
    "type_alias_declaration": "type", "internal_module": "namespace", "module": "namespace",
    "function_declaration": "function", "generator_function_declaration": "function",
    "function_expression": "function", "function_signature": "function",
    "method_definition": "method", "abstract_method_signature": "method",
    "method_signature": "method", "field_definition": "field", "public_field_definition": "field",
    "variable_declarator": "const", "assignment_expression": "function", "pair": "method",
}  # fmt: skip

_CLIKE: Mapping[str, str] = {
    "struct_specifier": "struct", "union_specifier": "struct", "enum_specifier": "enum",
    "class_specifier": "class", "namespace_definition": "namespace",
    "type_definition": "type", "alias_declaration": "type", "concept_definition": "type",
    "function_definition": "function", "declaration": "function", "field_declaration": "method",
    "preproc_def": "macro", "preproc_function_def": "macro",
}  # fmt: skip

KINDS: Mapping[str, Mapping[str, str]] = {
    "python": {
        "class_definition": "class", "function_definition": "function", "assignment": "const",
        "type_alias_statement": "type",
    },
    "javascript": _ECMA, "typescript": _ECMA, "tsx": _ECMA,
    "go": {
        "type_spec": "type", "type_alias": "type", "function_declaration": "function",
        "method_declaration": "method", "method_elem": "method", "const_spec": "const",
        "var_spec": "const",
    },
    "rust": {
        "mod_item": "module", "struct_item": "struct", "union_item": "struct",
        "enum_item": "enum", "trait_item": "trait", "impl_item": "impl", "type_item": "type",
        "function_item": "function", "function_signature_item": "function",
        "const_item": "const", "static_item": "const", "macro_definition": "macro",
    },
    "java": {
        "class_declaration": "class", "record_declaration": "class",
        "interface_declaration": "interface", "annotation_type_declaration": "interface",
        "enum_declaration": "enum", "method_declaration": "method",
        "constructor_declaration": "method", "field_declaration": "const",
    },
    "kotlin": {
        "class_declaration": "class", "object_declaration": "object",
        "function_declaration": "function", "property_declaration": "const", "type_alias": "type",
    },
    "swift": {
        "class_declaration": "class", "protocol_declaration": "interface",
        "function_declaration": "function", "protocol_function_declaration": "method",
        "init_declaration": "method", "typealias_declaration": "type",
        "property_declaration": "const",
    },
    "ruby": {
        "module": "module", "class": "class", "method": "function",
        "singleton_method": "function", "assignment": "const",
    },
    "php": {
        "class_declaration": "class", "interface_declaration": "interface",
        "trait_declaration": "trait", "enum_declaration": "enum",
        "method_declaration": "method", "function_definition": "function",
        "const_element": "const",
    },
    "csharp": {
        "class_declaration": "class", "struct_declaration": "struct",
        "record_declaration": "class", "interface_declaration": "interface",
        "enum_declaration": "enum", "delegate_declaration": "type",
        "method_declaration": "method", "constructor_declaration": "method",
        "property_declaration": "property", "field_declaration": "const",
    },
    "c": _CLIKE, "cpp": _CLIKE,
    "scala": {
        "class_definition": "class", "object_definition": "object",
        "trait_definition": "trait", "enum_definition": "enum", "type_definition": "type",
        "function_definition": "function", "function_declaration": "function",
        "val_definition": "const",
    },
    "lua": {"function_declaration": "function", "assignment_statement": "function"},
    "elixir": {"call": "module"},
    "bash": {"function_definition": "function", "variable_assignment": "const"},
    "hcl": {"block": "block"},
    "yaml": {"block_mapping_pair": "key"},
    "json": {"pair": "key"},
    "css": {"rule_set": "rule", "keyframes_statement": "rule"},
    "html": {"element": "element", "script_element": "element"},
}  # fmt: skip
"""Language -> node kind -> kind of symbol."""

CONTAINERS = frozenset(
    {"class", "interface", "struct", "enum", "trait", "impl", "object", "module", "namespace",
     "type", "key", "element"}
)  # fmt: skip
"""Kinds of symbols that can hold others."""

THROUGH = frozenset(
    {
        # blocks that only hold declarations once functions are left out
        "block", "statement_block", "compound_statement", "body", "body_statement", "class_body",
        "interface_body", "enum_body", "enum_body_declarations", "enum_class_body",
        "protocol_body", "template_body", "declaration_list", "enum_declaration_list",
        "field_declaration_list", "do_block", "companion_object", "singleton_class",
        "interface_type", "statement_list",
        # wrappers around one declaration
        "decorated_definition", "expression_statement", "export_statement",
        "ambient_declaration", "lexical_declaration", "variable_declaration",
        "const_declaration", "var_declaration", "var_spec_list", "type_declaration",
        "template_declaration", "linkage_specification", "declaration_command",
        "extension_definition", "assignment_expression", "namespace_declaration",
        "file_scoped_namespace_declaration", "package_clause",
        # conditions around declarations
        "if_statement", "else_clause", "elif_clause", "try_statement", "except_clause",
        "with_statement", "preproc_ifdef", "preproc_if", "preproc_else", "preproc_elif",
        # data
        "document", "block_node", "block_mapping", "object", "media_statement",
        "namespace_definition",
    }
)  # fmt: skip
"""Nodes that name nothing but are looked into."""
