"""One static library out of a target and everything of ours that it needs.

A cc_library holds the objects of its own sources alone, which is right inside of the
repository and of no use outside of it. What is linked from Debian's packages stays
out: whoever uses the archive links it too (see bazel/dev/holdfast.pc.in).

    static_archive(
        name = "libholdfast",      # libholdfast.a
        deps = ["//clients/cpp:holdfast"],
    )
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _objects(dep):
    return [
        object
        for input in dep[CcInfo].linking_context.linker_inputs.to_list()
        # The empty name is this repository.
        if not input.owner.workspace_name
        for library in input.libraries
        for object in (library.objects or library.pic_objects)
    ]

def _static_archive_impl(ctx):
    objects = depset([object for dep in ctx.attr.deps for object in _objects(dep)])
    archive = ctx.actions.declare_file(ctx.label.name + ".a")
    args = ctx.actions.args()

    # q and not r, which would replace one object by another of the same name; D for
    # the same archive from the same objects.
    args.add("qcsD")
    args.add(archive)
    args.add_all(objects)
    ctx.actions.run(
        executable = find_cpp_toolchain(ctx).ar_executable,
        arguments = [args],
        inputs = objects,
        outputs = [archive],
        mnemonic = "StaticArchive",
    )
    return [DefaultInfo(files = depset([archive]), runfiles = ctx.runfiles(files = [archive]))]

static_archive = rule(
    implementation = _static_archive_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    incompatible_use_toolchain_transition = True,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
