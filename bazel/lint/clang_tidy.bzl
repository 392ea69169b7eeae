"""clang-tidy over our own sources, as an aspect: cached, and parallel, like a build.

    bazel build //... --aspects=//bazel/lint:clang_tidy.bzl%clang_tidy \\
        --output_groups=clang_tidy

`./dev lint` runs it. The checks are in .clang-tidy at the root.
"""

_OURS = ("services/", "clients/", "tests/")

def _flags(context):
    flags = ["-std=c++20", "-I."]
    for folder in context.quote_includes.to_list():
        flags.append("-iquote" + folder)
    for folder in context.includes.to_list():
        flags.append("-I" + folder)
    for folder in context.system_includes.to_list():
        flags.append("-isystem" + folder)
    flags += ["-D" + define for define in context.defines.to_list() + context.local_defines.to_list()]
    return flags

def _clang_tidy_impl(target, ctx):
    if CcInfo not in target or not hasattr(ctx.rule.attr, "srcs"):
        return []
    context = target[CcInfo].compilation_context

    # The headers of this target alone are not part of its own context.
    private = [file for src in ctx.rule.attr.srcs for file in src.files.to_list()]
    reports = []
    for src in private:
        if not (src.path.startswith(_OURS) and src.extension == "cc"):
            continue
        report = ctx.actions.declare_file("%s.%s.tidy" % (src.basename, ctx.label.name))
        ctx.actions.run_shell(
            # It writes findings to stdout, and to stderr how many it has suppressed.
            command = 'report=$1; shift; "$@" >"$report" 2>"$report.log" || { cat "$report"; exit 1; }',
            arguments = [
                report.path,
                "/usr/bin/clang-tidy-16",
                "--quiet",
                "--config-file=" + ctx.file._config.path,
                src.path,
                "--",
            ] + _flags(context),
            inputs = depset(
                private + [ctx.file._config],
                transitive = [context.headers],
            ),
            outputs = [report],
            use_default_shell_env = True,
            mnemonic = "ClangTidy",
            progress_message = "Checking %s" % src.short_path,
        )
        reports.append(report)
    return [OutputGroupInfo(clang_tidy = depset(reports))]

clang_tidy = aspect(
    implementation = _clang_tidy_impl,
    attrs = {
        "_config": attr.label(allow_single_file = True, default = "//:.clang-tidy"),
    },
)
