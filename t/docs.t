#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The documents say what is: directives and endpoints as in the C tables,
# settings as the generator prints them, examples that nginx takes, the
# README's nginx.conf at work, screens of the client, links that lead
# somewhere.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Copy qw/ copy /;
use File::Path qw/ make_path /;

use Selkies;
use Selkies::WebSocket;

my $root = Selkies::root();
my $t = Selkies->new(x => 0, timeout => 180);

$t->reserve_display();

my $directives = text('docs/directives.md');
my $module = text('ngx_selkies_module/ngx_http_selkies_module.c');
my $conf = text('ngx_selkies_module/ngx_http_selkies_conf.c');

sub text {
	my ($name) = @_;

	my $text = $t->read_file("$root/$name");
	length $text or die "$name is empty\n";

	return $text;
}

###############################################################################
# directives.md against the table of commands

my %flags = (NGX_HTTP_MAIN_CONF => 'http', NGX_HTTP_SRV_CONF => 'server',
	NGX_HTTP_LOC_CONF => 'location');

sub commands {
	my ($table) = $module =~ /ngx_http_selkies_commands\[.*?=\s*\{(.*?)
		ngx_null_command/sx or return;
	my %c;

	while ($table =~ /\{\s*ngx_string\("(\w+)"\),\s*([\w|\s]+?),\s*(\w+),
		\s*\w+,\s*(?:offsetof\(\w+,\s*(\w+)\)|0),\s*(.*?)\s*\}/gsx)
	{
		my ($name, $type, $set, $field, $post) = ($1, $2, $3, $4, $5);
		my @type = split /\s*\|\s*/, $type;

		$c{$name} = { set => $set, field => $field, post => $post,
			contexts => join(' ', sort grep { $_ } map { $flags{$_} } @type),
			args => join(' ', grep { /^NGX_CONF_/ } @type) };
	}

	is(scalar keys %c, scalar(() = $table =~ /ngx_string\(/g),
		'every row of the table of commands is understood');

	return %c;
}

sub documented {
	my %d;

	for (split /^(?=### selkies)/m, $directives) {
		/^### (selkies\w*)\n/ or next;

		my $name = $1;
		my %row = /^\| (Syntax|Default|Context): \| (.+) \|$/gm;

		s/\\\|/|/g, s/^`(.*)`$/$1/ for values %row;
		$row{Context} =~ s/`//g if $row{Context};
		$row{Text} = $_;
		ok(!$d{$name}, "$name is described once");
		$d{$name} = \%row;
	}

	return %d;
}

# What merging and initializing say, in the words of a configuration.

sub default_of {
	my ($field) = @_;

	return undef unless defined $field;

	my ($kind, $value) = $conf =~ /ngx_conf_(?:merge|init)_(\w*?)_?value\(
		(?:conf|smcf)->\Q$field\E,\s*(?:prev->\Q$field\E,\s*)?
		([^;]+)\);/x or return undef;

	return undef if $value eq 'NULL' || $value eq '""';
	return $1 if $value =~ /^"(.*)"$/;
	return lc $1 if $value =~ /^SELKIES_CAPTURE_(\w+)$/;
	return $value if $value !~ /^[\d\s*]+$/;

	$value = eval $value;

	return $value ? 'on' : 'off' if $kind eq '';
	return $value % 1000 ? "${value}ms" : $value / 1000 . 's'
		if $kind eq 'msec';
	return $value % 1048576 ? $value / 1024 . 'k' : $value / 1048576 . 'm'
		if $kind eq 'size' || $kind eq 'off';

	return $value;
}

my %command = commands();
my %documented = documented();

cmp_ok(scalar keys %command, '>', 15, 'directives found');
is(join(' ', grep { !$documented{$_} } sort keys %command), '',
	'every directive is in directives.md');
is(join(' ', grep { !$command{$_} } sort keys %documented), '',
	'directives.md has none that does not exist');

for my $name (sort grep { $documented{$_} } keys %command) {
	my ($c, $d) = ($command{$name}, $documented{$name});

	is(join(' ', sort split /, /, $d->{Context} || ''), $c->{contexts},
		"$name: contexts");
	like($d->{Text}, qr/\|\n\n\S/, "$name: a text");

	my ($args) = ($d->{Syntax} || '') =~ /^\Q$name\E (.+);$/;

	if (!ok(defined $args, "$name: a syntax")) {
		next;
	}

	my @choice = split / \| /, $args;

	if ($c->{args} eq 'NGX_CONF_FLAG') {
		is("@choice", 'on off', "$name: a switch");

	} elsif ($c->{args} eq 'NGX_CONF_1MORE') {
		like($args, qr/ \.\.\.$/, "$name: one or more values");

	} elsif ($c->{args} eq 'NGX_CONF_2MORE') {
		like($args, qr/^\w+ \w+ \[\w+ \.\.\.\]$/, "$name: two or more");

	} elsif ($c->{args} eq 'NGX_CONF_TAKE12') {
		like($args =~ s/ \| //gr, qr/^\S+ \[\w+\]$/,
			"$name: one or two values");

	} elsif ($c->{args} eq 'NGX_CONF_TAKE123') {
		like($args =~ s/ \| //gr, qr/^\S+ \[\w+\] \[\w+=\w+\]$/,
			"$name: one to three values");

	} else {
		is($c->{args}, 'NGX_CONF_TAKE1', "$name: arguments known");
		unlike($args =~ s/ \| //gr, qr/ /, "$name: one value");
	}

	if ($c->{set} eq 'ngx_conf_set_enum_slot') {
		my ($enum) = $c->{post} =~ /&(\w+)/;
		my ($rows) = $module =~ /\Q$enum\E\[\] = \{(.*?)ngx_null_string/s;

		is("@choice", join(' ', $rows =~ /ngx_string\("(\w+)"\)/g),
			"$name: choices");
	}

	my $default = default_of($c->{field});

	if ($name eq 'selkies_max_resolution') {
		$default = join 'x', $conf =~ /prev->max_(?:width|height) : (\d+)/g;
	}

	if ($name eq 'selkies_display') {
		($default) = $conf =~ /_display_0 = \{\s*ngx_string\("(.*?)"\)/;
	}

	is($d->{Default}, defined $default ? "$name $default;"
		: "\xe2\x80\x94", "$name: default");
}

###############################################################################
# endpoints against the table of routes

my ($routes) = $module =~ /ngx_http_selkies_routes\[\] = \{(.*?)null_string/s;
my %route = map { $_ => 1 } $routes =~ /ngx_string\("([^"]+)"\)/g;
my ($table) = $directives =~ /^\| path \| what \|\n\|.*\n((?:\|.*\n)+)/m;
my %endpoint = map { $_ => 1 }
	map { /`([^`]+)`/g } $table =~ /^\| ([^|]+) \|/gm;

cmp_ok(scalar keys %route, '>', 5, 'routes found');
is(join(' ', sort keys %endpoint), join(' ', sort keys %route),
	'the endpoints are the routes of the module');

###############################################################################
# settings.md is what the generator prints

{
	local %ENV = %ENV;
	delete @ENV{qw/ MAKEFLAGS MFLAGS MAKELEVEL SANITIZE BUILD /};

	my $output = `cd '$root' && make --no-print-directory -s \\
		build/unit/settings_doc 2>&1`;

	is($?, 0, 'the generator of settings.md builds') or diag($output);

	my $generated = `'$root/build/unit/settings_doc'`;

	cmp_ok(scalar(() = $generated =~ /\n/g), '>', 50, 'and prints settings');
	ok($generated eq text('docs/settings.md'),
		'settings.md is its output: see make docs');
}

# every row that has a directive is one, and takes its default; as do ours

my @rows = text('docs/settings.md')
	=~ /^\| `(selkies_\w+)`.*? \| [^|]* \| [^|]* \| (?:`([^`|]*)`)? +\|/gm;
my %default = (@rows, map { $_ => $documented{$_}{Default} =~ /^\S+ (.+);$/ }
	grep { $documented{$_}{Default} =~ /;$/
		&& $documented{$_}{Context} =~ /location/ } keys %documented);

cmp_ok(scalar keys %default, '>', 60, 'directives with a default');
$t->conf("%%GLOBALS%%\nevents {}\nhttp {\n%%GLOBALS_HTTP%%\nserver {\n"
	. "listen %%PORT_0%%;\nlocation / {\n" . join('', map {
		"$_ \"" . (defined $default{$_} ? $default{$_} : '') . "\";\n" }
		sort keys %default) . "}\n}\n}\n");

my ($good, $output) = $t->test_conf();

ok($good, 'nginx takes every default') or diag($output);

###############################################################################
# the client's screens

my ($screens) = text('web/ui/screens.js') =~ /SCREENS = \{\n(.*?)\n\};/s;
my %screen = $screens =~ /^    (\w+): \{\s*icon: '\w+', title: '([^']+)'/gm;
my ($trouble) = text('docs/troubleshooting.md')
	=~ /^## What the page says\n(.*?)^## /ms;
my %described = reverse $trouble =~ /^\| ([^|]+) \| (?:`\d+`, )?`(\w+)` \|/gm;

is(scalar keys %screen, scalar(() = $screens =~ /title: /g),
	'every screen is understood');
is_deeply(\%described, \%screen, 'troubleshooting.md has every screen');

###############################################################################
# every example is taken by nginx

my @documents = documents();
my $n = 0;

copy("$root/conf/selkies-headers.conf", $t->dir());
copy('/etc/nginx/mime.types', $t->dir());
$t->write_file('selkies.htpasswd', "you:{PLAIN}secret\n");
make_path($t->dir() . '/modules', $t->dir() . '/tls');
symlink $ENV{TEST_SELKIES_MODULE} || Selkies::build()
	. '/ngx_http_selkies_module.so',
	$t->dir() . '/modules/ngx_http_selkies_module.so';
system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
	. " -subj /CN=x -keyout '" . $t->dir() . "/tls/desk.key' -out '"
	. $t->dir() . "/tls/desk.pem' 2>/dev/null") == 0 or die "openssl failed\n";

for my $document (@documents) {
	my $text = text($document);

	while ($text =~ /^```nginx\n(.*?)^```$/gms) {
		my $example = $1;

		$n++;
		accepted($example, "example $n, $document");
	}
}

cmp_ok($n, '>', 8, 'examples found');

# Where an example belongs shows in the first words of its lines.

sub accepted {
	my ($example, $name) = @_;

	my $main = $example =~ /^http \{/m;
	my $http = $example =~ /^(?:server|map) /m;
	my $server = $example =~ /^location /m;

	$example = "location / {\n$example\n}" if !$main && !$http && !$server;
	$example = "server {\nlisten %%PORT_0%%;\n$example\n}"
		if !$main && !$http;
	$example =~ s/listen [^;%]*?( ssl[^;]*)?;/listen %%PORT_0%%@{[$1 || '']};/g;
	$example =~ s!/etc/ssl/!%%TESTDIR%%/tls/!g;

	if ($main) {
		$example =~ s/^load_module .*\n/%%GLOBALS%%\n/m;
		$example =~ s/^http \{\n/http {\n@{[temporary()]}/m;
	} else {
		$example = "%%GLOBALS%%\nevents {}\nhttp {\n%%GLOBALS_HTTP%%\n"
			. "$example\n}\n";
	}

	$t->conf($example);

	my ($good, $output) = $t->test_conf();

	ok($good, $name) or diag($output, $example);
}

sub temporary {
	return join('', map { "${_}_temp_path %%TESTDIR%%/run/$_;\n" }
		qw/ client_body proxy fastcgi uwsgi scgi /)
		. "access_log %%TESTDIR%%/logs/access.log;\n";
}

sub documents {
	my @found;

	for my $folder ('', 'docs/', 'conf/', 'docker/', 't/', 'web/') {
		push @found, map { s!^\Q$root\E/!!r } glob "$root/$folder*.md";
	}

	return @found;
}

###############################################################################
# the README's nginx.conf is conf/nginx.conf, and works

my $readme = text('README.md');
my ($shortest) = $readme =~ /^## The shortest nginx\.conf\n.*?
	^```nginx\n(.*?)^```$/msx;

is($shortest, text('conf/nginx.conf'), 'the conf of README is conf/nginx.conf');

SKIP: {
	skip 'the logs of the system are root\'s', 1 if $> != 0;

	# word for word: nothing but prefix, pid and log is ours

	$t->write_file('readme.conf', $shortest);

	my $dir = $t->dir();
	my $nginx = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';

	local %ENV = (%ENV, Selkies::nginx_environment());

	my $output = `$nginx -t -e stderr -g 'pid $dir/readme.pid;' \\
		-p $dir/ -c $dir/readme.conf 2>&1`;

	is($?, 0, 'nginx -t takes it word for word') or diag($output);
}

my $used = $shortest;

for my $change (
	[ qr/^load_module modules\/ngx_http_selkies_module\.so;$/m,
		'%%GLOBALS%%' ],
	[ qr/^http \{\n/m, "http {\n" . temporary() ],
	[ qr/listen 127\.0\.0\.1:3000;/, 'listen %%PORT_0%%;' ],
	[ qr/root \/usr\/share\/selkies\/web;/, 'root %%WEB%%;' ],
	[ qr/selkies_display :1;/, 'selkies_display %%DISPLAY%%;' ])
{
	my ($re, $with) = @$change;

	is($used =~ s/$re/$with/g, 1, "has $re once");
}

# the README's proxy in front of it, and once more with the wrong Host

my ($proxy) = $readme =~ /^### Behind another nginx\n.*?^```nginx\n(.*?)^```$/ms;

for my $change ([ qr/listen 80;/, 'listen %%PORT_1%%;' ],
	[ qr/127\.0\.0\.1:3000/, '%%PORT_0%%' ])
{
	my ($re, $with) = @$change;

	is($proxy =~ s/$re/$with/g, 1, "has $re once");
}

my ($wrong) = $proxy =~ /^(    location .*?^    \}\n)/ms;

$wrong =~ s/location \/desk\//location \/wrong\//;
is($wrong =~ s/\$http_host/\$host/, 1, 'has $http_host');
$proxy =~ s/^\}\n\z/$wrong}\n/m or die "no server in the proxy's example\n";
$used =~ s/^\}\n\z/$proxy}\n/m or die "no http in nginx.conf\n";

$t->conf($used);
$t->run();

my $page = $t->http_get('/');

like($page, qr/^HTTP\/1\.1 200 .*Content-Type: text\/html/s, 'its page loads');
like($page, qr/Content-Security-Policy: default-src 'none'/, 'with a policy');

for my $script ($page =~ /<script type="module" src="([^"]+)">/g) {
	like($t->http_get("/$script"),
		qr/^HTTP\/1\.1 200 .*Content-Type: (?:application|text)\/javascript/s,
		"$script is a script");
}

my $ws = Selkies::WebSocket->new($t);

is($ws->status(), 101, 'its websocket opens');
$ws->close();

my @through = (port => $t->port(1), origin => 'http://127.0.0.1:'
	. $t->port(1));

$ws = Selkies::WebSocket->new($t, path => '/desk/websockets', @through);
is($ws->status(), 101, 'also through the proxy');
ok($ws->round_trip(), 'and works');
$ws->close();

like($t->http_get('/desk/', port => $t->port(1)), qr/^HTTP\/1\.1 200 /,
	'as does the page');

$ws = Selkies::WebSocket->new($t, path => '/wrong/websockets', @through);
is($ws->status(), 403, 'a proxy that drops the port is no good');
$ws->drop();

###############################################################################
# links

my %anchors;

# As the usual renderers make them from headings.

sub anchors {
	my ($name) = @_;

	return $anchors{$name} if $anchors{$name};

	my $text = text($name);
	my %of;

	$text =~ s/^```.*?^```$//gms;

	for my $heading ($text =~ /^#+ +(.+?) *$/gm) {
		$heading =~ s/[`*]//g;
		$heading =~ s/\[([^]]*)\]\([^)]*\)/$1/g;
		$heading = lc $heading;
		$heading =~ s/[^\w\- ]//g;
		$heading =~ s/ /-/g;
		$of{$heading} = 1;
	}

	return $anchors{$name} = \%of;
}

my (@dead, $links);

for my $document (@documents) {
	my $text = text($document);

	$text =~ s/^```.*?^```$//gms;

	while ($text =~ /\]\(([^)\s]+)\)|<(?:img|a) [^>]*(?:src|href)="([^"]+)"/g) {
		my $link = defined $1 ? $1 : $2;

		next if $link =~ /^[a-z]+:/;

		$links++;

		my ($file, $anchor) = split /#/, $link, 2;
		my $target = $document;

		if (length $file) {
			my $path = abs_path(dirname("$root/$document") . "/$file");

			if (!defined $path || !-e $path || $path !~ s!^\Q$root\E/!!) {
				push @dead, "$document: $link";
				next;
			}

			$target = $path;
		}

		push @dead, "$document: $link"
			if defined $anchor && !anchors($target)->{$anchor};
	}
}

cmp_ok($links, '>', 30, 'links found');
is(join("\n", @dead), '', 'no link is dead');

###############################################################################

like(text('LICENSE'), qr/^Copyright \(c\) 2026 ngx_selkies authors\n/,
	'LICENSE');

my ($version) = text('ngx_selkies_module/ngx_http_selkies_module.h')
	=~ /SELKIES_VERSION\s+"([^"]+)"/;

like(text('CHANGELOG.md'), qr/^## \Q$version\E\b/m,
	'CHANGELOG.md knows this version');

for my $image (glob "$root/docs/images/*.png") {
	cmp_ok(-s $image, '<=', 300 * 1024, $image =~ s!.*/!!r . ' is small');
}

$t->done();
