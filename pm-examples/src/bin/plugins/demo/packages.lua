-- Counts the packages of a Cargo.lock, and tells of those that are there in several versions.
local name
local names = {}
local versions = {}

function on_line(line)
    name = line:match('^name = "(.*)"') or name
    local version = line:match('^version = "(.*)"')
    if version and name then
        if not versions[name] then
            versions[name] = {}
            table.insert(names, name)
        end
        table.insert(versions[name], version)
    end
end

function on_end()
    for _, name in ipairs(names) do
        if #versions[name] > 1 then
            say(name .. " is there as " .. table.concat(versions[name], " and "))
        end
    end
    return #names .. " packages"
end
