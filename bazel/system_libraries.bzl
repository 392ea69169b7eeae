"""The C++ libraries and code generators of Debian's -dev packages, as repositories.

Each repository holds symbolic links to the named headers and tools, and one
cc_library for each library. Only named paths are linked, never all of
/usr/include, so that a target sees what it depends on and a package upgrade
rebuilds what used it. Headers arrive as system headers: our warnings do not
apply to them. Link flags come from pkg-config where the package has it.
"""

def _run(repository_ctx, command):
    result = repository_ctx.execute(command)
    if result.return_code != 0:
        fail("%s: `%s` failed; is the Debian package %s installed? (./dev installs it)\n%s" % (
            repository_ctx.name,
            " ".join(command),
            repository_ctx.attr.debian_package,
            result.stderr,
        ))
    return result.stdout

def _link(repository_ctx, target, name):
    if not repository_ctx.path(target).exists:
        fail("%s: there is no %s; is the Debian package %s installed? (./dev installs it)" % (
            repository_ctx.name,
            target,
            repository_ctx.attr.debian_package,
        ))
    repository_ctx.symlink(target, name)

def _pkg_config(repository_ctx, modules):
    """Returns the link flags of the modules; `prefix*` stands for all modules that begin so."""
    names = []
    for module in modules:
        if module.endswith("*"):
            listed = _run(repository_ctx, ["pkg-config", "--list-all"])
            names += sorted([
                line.split(" ")[0]
                for line in listed.splitlines()
                if line.startswith(module[:-1])
            ])
        else:
            names.append(module)
    return [
        flag
        for flag in _run(repository_ctx, ["pkg-config", "--libs"] + names).split(" ")
        if flag.strip()
    ]

_LIBRARY = """
cc_library(
    name = "{name}",
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
    deps = {deps},
)
"""

_HEADERS = """
cc_library(
    name = "headers",
    hdrs = glob(["include/**"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)
"""

_TOOL = """
filegroup(
    name = "{name}",
    srcs = ["bin/{name}"],
    visibility = ["//visibility:public"],
)
"""

_PROTOS = """
filegroup(
    name = "well_known_protos",
    srcs = glob(["include/google/protobuf/**/*.proto"]),
    visibility = ["//visibility:public"],
)
"""

def _system_library_impl(repository_ctx):
    attr = repository_ctx.attr
    for header in attr.headers:
        _link(repository_ctx, "/usr/include/" + header, "include/" + header)

    build = _HEADERS
    for name, flags in attr.libraries.items():
        modules = [flag for flag in flags if not flag.startswith("-")]
        linkopts = [flag for flag in flags if flag.startswith("-")]
        if modules:
            linkopts += _pkg_config(repository_ctx, modules)
        if linkopts:
            # Those that go unused, like most of abseil's, cost nothing at start then.
            linkopts = ["-Wl,--as-needed"] + linkopts
        build += _LIBRARY.format(
            name = name,
            linkopts = repr([flag.strip() for flag in linkopts]),
            deps = repr([":headers"] + attr.needs.get(name, [])),
        )
    for name in attr.tools:
        _link(repository_ctx, "/usr/bin/" + name, "bin/" + name)
        build += _TOOL.format(name = name)
    if attr.protos:
        build += _PROTOS
    if attr.version_of:
        version = _run(repository_ctx, ["pkg-config", "--modversion", attr.version_of]).strip()
        repository_ctx.file("version.bzl", "VERSION = %s\n" % repr(version))
    repository_ctx.file("WORKSPACE", 'workspace(name = "%s")\n' % repository_ctx.name)
    repository_ctx.file("BUILD", build)

_system_library = repository_rule(
    implementation = _system_library_impl,
    attrs = {
        "debian_package": attr.string(mandatory = True, doc = "Named when something is missing."),
        "headers": attr.string_list(doc = "Files or folders under /usr/include."),
        "libraries": attr.string_list_dict(
            doc = "Target -> pkg-config modules and plain linker flags.",
        ),
        "needs": attr.string_list_dict(doc = "Target -> further targets that it depends on."),
        "protos": attr.bool(doc = "Whether the headers hold .proto files to import."),
        "tools": attr.string_list(doc = "Programs under /usr/bin."),
        "version_of": attr.string(
            doc = "A pkg-config module whose version is to be VERSION in version.bzl.",
        ),
    },
    # Evaluated anew whenever Bazel's server starts, so upgraded packages are noticed.
    local = True,
    doc = "One repository for one Debian -dev package.",
)

def system_libraries():
    _system_library(
        name = "abseil",
        debian_package = "libabsl-dev",
        headers = ["absl"],
        # About sixty small libraries that use one another; pkg-config knows the order.
        libraries = {"abseil": ["absl_*"]},
    )
    _system_library(
        name = "asio",
        debian_package = "libasio-dev",
        headers = [
            "asio",
            "asio.hpp",
        ],
        libraries = {"asio": ["-lpthread"]},
    )
    _system_library(
        name = "protobuf",
        debian_package = "libprotobuf-dev protobuf-compiler",
        headers = ["google/protobuf"],
        libraries = {"protobuf": ["protobuf"]},
        protos = True,
        tools = ["protoc"],
    )
    _system_library(
        name = "grpc",
        debian_package = "libgrpc++-dev protobuf-compiler-grpc",
        headers = ["grpc", "grpc++", "grpcpp"],
        libraries = {
            "grpc++": ["grpc++"],
            # It has no pkg-config file.
            "grpc++_reflection": ["-lgrpc++_reflection"],
        },
        needs = {
            "grpc++": ["@abseil//:abseil", "@protobuf//:protobuf"],
            "grpc++_reflection": [":grpc++"],
        },
        tools = ["grpc_cpp_plugin", "grpc_python_plugin"],
        version_of = "grpc++",
    )
    _system_library(
        name = "rocksdb",
        debian_package = "librocksdb-dev",
        headers = ["rocksdb"],
        libraries = {"rocksdb": ["rocksdb"]},
    )
    _system_library(
        name = "googletest",
        debian_package = "libgmock-dev libgtest-dev",
        headers = ["gmock", "gtest"],
        libraries = {
            "gtest": ["gmock"],
            # gmock's main() sets up GoogleTest as well.
            "gtest_main": ["gmock_main"],
        },
        # Included into every test by .bazelrc.
        needs = {
            "gtest": ["@holdfast//bazel/prelude:test_prelude"],
            "gtest_main": ["@holdfast//bazel/prelude:test_prelude"],
        },
    )
    _system_library(
        name = "cli11",
        debian_package = "libcli11-dev",
        headers = ["CLI"],
        # Headers only.
        libraries = {"cli11": []},
    )
