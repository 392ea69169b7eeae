"""Local repositories in place of those that Bazel 4.2 would download.

Bazel names a handful of repositories in its own built-in WORKSPACE and fetches
them from the internet as soon as something mentions them. The first definition
of a name wins, so the ones below keep every build offline. Debian ships some of
them; the rest are generated here with just enough in them to load.
"""

# Debian's rules_cc needs `use_cpp_toolchain`, which Bazel 4.2 does not have, so
# `@rules_cc//cc:defs.bzl` forwards to the rules that are built into Bazel.
_RULES_CC = """\
cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_proto_library = native.cc_proto_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
fdo_prefetch_hints = native.fdo_prefetch_hints
fdo_profile = native.fdo_profile
objc_import = native.objc_import
objc_library = native.objc_library
"""

# Every test depends on the coverage tools, although only `bazel coverage` runs them.
_COVERAGE_TOOLS = """\
filegroup(
    name = "coverage_report_generator",
    srcs = [],
    visibility = ["//visibility:public"],
)
"""

def _stub_repository_impl(repository_ctx):
    repository_ctx.file("WORKSPACE", 'workspace(name = "%s")\n' % repository_ctx.name)
    for path, content in repository_ctx.attr.files.items():
        repository_ctx.file(path, content)

_stub_repository = repository_rule(
    implementation = _stub_repository_impl,
    attrs = {"files": attr.string_dict(doc = "Path in the repository -> content.")},
    doc = "A repository that consists of the given files.",
)

# Repository -> where its Debian package has put it.
_DEBIAN_REPOSITORIES = {
    "bazel_skylib": "/usr/share/bazel/tools/skylib",
    "platforms": "/usr/share/bazel/platforms",
    "rules_java": "/usr/share/bazel/rules/java",
    "rules_proto": "/usr/share/bazel/rules/proto",
}

def stub_repositories():
    for name, path in _DEBIAN_REPOSITORIES.items():
        native.local_repository(name = name, path = path)
    _stub_repository(
        name = "rules_cc",
        files = {"BUILD": "", "cc/BUILD": "", "cc/defs.bzl": _RULES_CC},
    )
    _stub_repository(
        name = "remote_coverage_tools",
        files = {"BUILD": _COVERAGE_TOOLS},
    )
