# The Elixir side of scripts/bench: runs one group of benchmarks and prints a line of JSON for each
# figure. Groups and their figures are listed in tests/bench/figures.txt.
#
#     elixir bench_main.exs GROUP [--quick]
defmodule Bench do
  # What a group is: a function of one argument, whether to be quick, that gives figures
  # {name, value, unit}.
  @groups %{
    "agent_get" => {"agent", BenchAgent, :get},
    "registry" => {"registry", BenchRegistry, :register_and_lookup},
    "task_await" => {"task", BenchTask, :await}
  }

  def main([group | options]) do
    quick = "--quick" in options
    {file, module, function} = Map.fetch!(@groups, group)
    Code.require_file("bench_#{file}.exs", __DIR__)
    Logger.configure(level: :none)
    # A fresh process: the one that runs a script has a heap and links of its own.
    task = Task.async(fn -> apply(module, function, [quick]) end)
    for figure <- Task.await(task, :infinity), do: print(figure)
  end

  # Wall nanoseconds an operation when fun does count of them.
  def per_op(count, fun) do
    start = System.monotonic_time(:nanosecond)
    fun.()
    (System.monotonic_time(:nanosecond) - start) / count
  end

  defp print({name, value, unit}) do
    :io.format(
      ~c"{\"bench\":\"~s\",\"subject\":\"elixir\",\"value\":~.2f,\"unit\":\"~s\",\"better\":\"lower\"}~n",
      [name, value * 1.0, unit]
    )
  end
end

Bench.main(System.argv())
