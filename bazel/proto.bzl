"""C++ from the .proto files under protos/, generated at build time.

    load("//bazel:proto.bzl", "holdfast_grpc_library", "holdfast_proto_library")

    # Messages only: #include "holdfast/v1/lease.pb.h"
    holdfast_proto_library(
        name = "lease_proto",
        srcs = ["lease.proto"],
    )

    # Messages and services: "holdfast/v1/lock_service.pb.h" and
    # "holdfast/v1/lock_service.grpc.pb.h", with the synchronous, the
    # asynchronous and the callback API.
    holdfast_grpc_library(
        name = "lock_service_grpc",
        srcs = ["lock_service.proto"],
        visibility = ["//services/lock/rpc:__pkg__"],
        deps = [":lease_proto"],
    )

Both are used like a cc_library: name them in the `deps` of cc_library,
cc_binary and cc_test. The import root is protos/, in .proto files
(`import "holdfast/v1/lease.proto"`) as in C++; `root` names another folder, for protos
that are no part of the API. The well-known types
(`import "google/protobuf/duration.proto"`) need no entry in `deps`. Generated
code is compiled without our warnings.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

ProtoSourcesInfo = provider(
    doc = "The .proto files of a target, for targets that import them.",
    fields = {"transitive_sources": "depset of File: its own and its dependencies'."},
)

def _in_repository(src):
    """Returns the file's path in its repository, which may be another workspace's external one."""
    path = src.short_path
    return path.split("/", 2)[2] if path.startswith("../") else path

def _import_root(ctx, above):
    """Returns the folder from which protos are imported, in the tree `above` ("" for sources)."""
    folders = [above, ctx.label.workspace_root, ctx.attr.root]
    return "/".join([folder for folder in folders if folder])

def _import_path(ctx, src):
    path = _in_repository(src)
    root = ctx.attr.root + "/"
    if not path.startswith(root):
        fail("%s does not lie under %s" % (path, root))
    return path[len(root):]

def _declare(ctx, src, suffix):
    in_package = _in_repository(src)[len(ctx.label.package) + 1:]
    return ctx.actions.declare_file(in_package[:-len(".proto")] + suffix)

def _generate(ctx, sources, out_dir):
    """Runs protoc over all of srcs at once; returns its (headers, sources)."""
    suffixes = [".pb"] + ([".grpc.pb"] if ctx.attr.services else [])
    headers = [_declare(ctx, src, s + ".h") for src in ctx.files.srcs for s in suffixes]
    sources_out = [_declare(ctx, src, s + ".cc") for src in ctx.files.srcs for s in suffixes]

    well_known = ctx.files._well_known_protos
    include = well_known[0].path.partition("google/protobuf/")[0]

    args = ctx.actions.args()
    args.add("-I" + _import_root(ctx, ""))
    args.add("-I" + include)
    args.add("--cpp_out=" + out_dir)
    tools = []
    if ctx.attr.services:
        args.add("--plugin=protoc-gen-grpc=" + ctx.file._grpc_plugin.path)
        args.add("--grpc_out=" + out_dir)
        tools.append(ctx.file._grpc_plugin)
    args.add_all([_import_path(ctx, src) for src in ctx.files.srcs])

    ctx.actions.run(
        executable = ctx.file._protoc,
        arguments = [args],
        inputs = depset(well_known, transitive = [sources]),
        outputs = headers + sources_out,
        tools = tools,
        mnemonic = "HoldfastProtoc",
        progress_message = "Generating C++ from %s" % ctx.label,
    )
    return headers, sources_out

def _cc_proto_impl(ctx):
    sources = depset(
        ctx.files.srcs,
        transitive = [dep[ProtoSourcesInfo].transitive_sources for dep in ctx.attr.deps],
    )
    out_dir = _import_root(ctx, ctx.bin_dir.path)
    headers, generated = _generate(ctx, sources, out_dir)

    cc_toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = cc_toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    deps = [dep[CcInfo] for dep in ctx.attr.deps + ctx.attr._runtime]
    if ctx.attr.services:
        deps += [dep[CcInfo] for dep in ctx.attr._grpc_runtime]

    compilation_context, objects = cc_common.compile(
        actions = ctx.actions,
        feature_configuration = features,
        cc_toolchain = cc_toolchain,
        name = ctx.label.name,
        srcs = generated,
        public_hdrs = headers,
        # As a system folder, so that includers get no warnings from it either.
        system_includes = [out_dir],
        # PIC, because it goes into the C++ client's library (.bazelrc says more).
        user_compile_flags = ["-w", "-fPIC", "-fno-semantic-interposition"],
        compilation_contexts = [dep.compilation_context for dep in deps],
    )
    linking_context, _ = cc_common.create_linking_context_from_compilation_outputs(
        actions = ctx.actions,
        feature_configuration = features,
        cc_toolchain = cc_toolchain,
        name = ctx.label.name,
        compilation_outputs = objects,
        linking_contexts = [dep.linking_context for dep in deps],
        disallow_dynamic_library = True,
    )
    return [
        DefaultInfo(files = depset(headers + generated)),
        CcInfo(
            compilation_context = compilation_context,
            linking_context = linking_context,
        ),
        ProtoSourcesInfo(transitive_sources = sources),
    ]

_cc_proto = rule(
    implementation = _cc_proto_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo, ProtoSourcesInfo]),
        "root": attr.string(default = "protos", doc = "The folder from which protos are imported."),
        "services": attr.bool(doc = "Whether to generate gRPC stubs too."),
        "srcs": attr.label_list(allow_files = [".proto"], mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_grpc_plugin": attr.label(
            allow_single_file = True,
            cfg = "exec",
            default = "@grpc//:grpc_cpp_plugin",
        ),
        "_grpc_runtime": attr.label_list(default = ["@grpc//:grpc++"]),
        "_protoc": attr.label(
            allow_single_file = True,
            cfg = "exec",
            default = "@protobuf//:protoc",
        ),
        "_runtime": attr.label_list(default = ["@protobuf//:protobuf"]),
        "_well_known_protos": attr.label(default = "@protobuf//:well_known_protos"),
    },
    fragments = ["cpp"],
    incompatible_use_toolchain_transition = True,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def holdfast_proto_library(name, srcs, deps = [], **kwargs):
    """The messages of .proto files as a C++ library."""
    _cc_proto(name = name, srcs = srcs, deps = deps, services = False, **kwargs)

def holdfast_grpc_library(name, srcs, deps = [], **kwargs):
    """The messages and the gRPC services of .proto files as a C++ library."""
    _cc_proto(name = name, srcs = srcs, deps = deps, services = True, **kwargs)
