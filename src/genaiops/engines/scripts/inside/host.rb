# Functions of a suite in Ruby, called one after the other, as host.py does it.
require "json"

writes = IO.for_fd(Integer(ARGV[0]), "w")
reads = $stdin.dup
$stdin.reopen(File::NULL)
made = {}
number = 0

function_of = lambda do |asked|
  if asked["file"].empty?
    number += 1
    name = "genaiops_inline_#{number}"
    Object.class_eval("def #{name}(#{asked["takes"].join(", ")})\n#{asked["code"]}\nend", "inline", 0)
    Object.instance_method(name).bind(self)
  else
    require asked["file"]
    method(asked["function"])
  end
end

while (line = reads.gets)
  begin
    asked = JSON.parse(line)
    key = asked.values_at("file", "function", "code", "takes")
    made[key] ||= function_of.call(asked)
    said = asked["check"] ? nil : made[key].call(*asked["arguments"])
    text = JSON.generate({ "value" => said })
  rescue Exception => error # whatever it raised, and exit, is its answer
    raise if error.is_a?(Interrupt)
    text = JSON.generate({ "error" => "#{error.class}: #{error.message}"[0, 2000].scrub })
  end
  writes.puts(text)
  writes.flush
end
