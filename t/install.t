#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# make install: what lies where, twice the same; an nginx with the installed
# module, snippets and web root serves a page all of whose parts resolve, are
# compressed in advance and cached by their version; selkies-run starts from
# there.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Digest::SHA;
use File::Find ();
use IO::Uncompress::Gunzip qw/ gunzip /;
use POSIX ();

use Selkies;
use Selkies::WebSocket;

my $root = Selkies::root();
my $t = Selkies->new(x => 0, timeout => 180);

$t->reserve_display();

my $dest = $t->dir() . '/dest';
my ($version) = $t->read_file(
	"$root/ngx_selkies_module/ngx_http_selkies_module.h")
	=~ /SELKIES_VERSION\s+"([^"]+)"/;

# The client as few small files where that can be, else as its modules.

our $client = -d "$root/node_modules/esbuild"
	&& !system('command -v node >/dev/null') ? 'bundle' : 'modules';

sub install {
	local %ENV = %ENV;
	delete @ENV{qw/ MAKEFLAGS MFLAGS MAKELEVEL SANITIZE BUILD DESTDIR WEB
		NGINX_MODULES NGINX_CONF CLIENT /};

	$ENV{CLIENT} = $client;

	my $output = `cd '$root' && make --no-print-directory -s install \\
		DESTDIR='$dest' @_ 2>&1`;

	return ($? == 0, $output);
}

# Every path below $dest with its mode and content.

sub tree {
	my %tree;

	File::Find::find({ no_chdir => 1, wanted => sub {
		my $name = substr $_, length $dest;

		$tree{$name} = -l $_ ? 'link ' . readlink $_
			: -d _ ? 'folder'
			: sprintf '%o ', (stat _)[2] & 07777;
		$tree{$name} .= Digest::SHA->new(256)->addfile($_)->hexdigest()
			if -f $_ && !-l $_;
	} }, $dest);

	return \%tree;
}

###############################################################################
# what lies where

my ($good, $output) = install();

ok($good, 'make install') or diag($output);

my ($said) = $output =~ /^(selkies: .*)\z/ms;

like($said, qr/^[^\n]*\b\Q$version\E\b[^\n]*selkies-run[^\n]*\n\z/,
	'it says in one line what is next') or diag($output);

my $tree = tree();
my $web = '/usr/share/selkies/web';
my $conf = '/usr/share/selkies/conf';

chomp(my $lib = `gcc -print-multiarch`);
$lib = $lib eq '' ? 'lib' : "lib/$lib";

for my $row (
	[ '/usr/lib/nginx/modules/ngx_http_selkies_module.so', 644 ],
	[ '/usr/lib/selkies/selkies-xvfb', 755 ],
	[ '/usr/lib/selkies/selkies-agent', 755 ],
	[ '/usr/lib/selkies/genconf', 755 ],
	(map { [ "/usr/lib/selkies/preload/$lib/$_", 644 ] }
		'selkies_joystick_interposer.so', 'libudev.so.1'),
	[ '/usr/lib/selkies/genconf-settings', 644 ],
	[ '/usr/bin/selkies-run', 755 ],
	[ '/usr/share/nginx/modules-available/mod-http-selkies.conf', 644 ],
	[ "$conf/nginx.conf", 644 ],
	[ "$conf/selkies.conf", 644 ],
	[ "$conf/selkies-headers.conf", 644 ],
	[ '/usr/share/selkies/session/openbox/rc.xml', 644 ],
	[ '/usr/share/selkies/session/Xresources', 644 ],
	[ "$web/index.html", 644 ],
	[ "$web/favicon.ico", 644 ],
	[ "$web/icon.png", 644 ],
	[ "$web/v/$version/app.js", 644 ],
	[ "$web/v/$version/media/start.js", 644 ])
{
	like($tree->{$row->[0]} || 'missing', qr/^$row->[1] /, "@$row");
}

for my $row (
	[ 'modules-enabled/50-mod-http-selkies.conf',
		'/usr/share/nginx/modules-available/mod-http-selkies.conf' ],
	[ 'selkies-headers.conf', "$conf/selkies-headers.conf" ],
	[ 'snippets/selkies-headers.conf', "$conf/selkies-headers.conf" ],
	[ 'snippets/selkies.conf', "$conf/selkies.conf" ])
{
	is($tree->{"/etc/nginx/$row->[0]"}, "link $row->[1]", $row->[0]);
}

is($t->read_file("$dest/usr/share/nginx/modules-available/"
	. 'mod-http-selkies.conf'),
	"load_module modules/ngx_http_selkies_module.so;\n",
	'the module is loaded by its usual name');

is(join(' ', sort map { m!^\Q$web\E/([^/]+)$! } keys %$tree),
	'favicon.ico files.css files.css.gz icon.png index.html index.html.gz v',
	'only these keep a name without a version');

# what is served is there in a compressed form too

my @bad;

for my $name (grep { /^\Q$web\E\/.*\.(?:html|js|css|svg)$/ } keys %$tree) {
	my $plain = $t->read_file("$dest$name");
	my $unpacked;

	push @bad, $name unless $tree->{"$name.gz"}
		&& gunzip("$dest$name.gz", \$unpacked) && $unpacked eq $plain;
}

is("@bad", '', 'every text has its .gz, which is the same');

###############################################################################
# again

($good, $output) = install();
ok($good, 'make install once more') or diag($output);
is_deeply(tree(), $tree, 'changes nothing');

# what the operator wrote and what open pages load stays; what is ours goes

unlink "$dest/etc/nginx/snippets/selkies.conf";
$t->write_file('dest/etc/nginx/snippets/selkies.conf', "# mine\n");
$t->write_file("dest$web/robots.txt", "mine\n");
$t->write_file("dest$web/v/$version/stale.js", "old\n");
mkdir "$dest$web/v/0.0.1";
$t->write_file("dest$web/v/0.0.1/app.js", "older\n");

($good, $output) = install();
ok($good, 'make install beside other files') or diag($output);
like($output, qr/^selkies: \/etc\/nginx\/snippets\/selkies\.conf stays/m,
	'says what it leaves alone');

is($t->read_file("$dest/etc/nginx/snippets/selkies.conf"), "# mine\n",
	'the operator\'s snippet stays');
ok(-e "$dest$web/robots.txt", 'as does a file in the web root');
ok(-e "$dest$web/v/0.0.1/app.js", 'as does another version');
ok(!-e "$dest$web/v/$version/stale.js", 'a stale file of this one does not');
is(join(' ', glob "$dest$web/v/*.new $dest$web/v/*.old"), '',
	'nothing is left half done');

# other places

{
	my $other = $t->dir() . '/other';
	local $client = 'modules';

	($good, $output) = install("DESTDIR='$other'", 'NGINX_MODULES=/opt/nginx/modules',
		'NGINX_CONF=/opt/nginx/conf', 'WEB=/srv/desk');
	ok($good, 'make install elsewhere') or diag($output);
	is($t->read_file("$other/usr/share/nginx/modules-available/"
		. 'mod-http-selkies.conf'), 'load_module '
		. "/opt/nginx/modules/ngx_http_selkies_module.so;\n",
		'a module elsewhere is loaded by its path');
	like($t->read_file("$other$conf/nginx.conf"), qr/root \/srv\/desk;/,
		'nginx.conf knows the web root');
	ok(-e "$other/srv/desk/v/$version/app.js", 'which is there');

	my @lost;

	File::Find::find({ no_chdir => 1, wanted => sub {
		return unless -f;

		my $name = substr $_, length "$root/web/";

		push @lost, $name if $name !~ m!^tools/!
			&& !grep { -e "$other/srv/desk/$_" } $name, "v/$version/$name";
	} }, "$root/web");

	is("@lost", '', 'every module of the client is installed');
	ok(!-e "$other/srv/desk/v/$version/tools", 'and no tool');
	ok(-l "$other/opt/nginx/conf/snippets/selkies.conf", 'as the snippets');

	($good, $output) = install('WEB=srv');
	ok(!$good && $output =~ /"srv" is not an absolute path/,
		'a relative path is refused');
}

###############################################################################
# an nginx of what was installed

symlink "$dest/usr/lib/nginx/modules", $t->dir() . '/modules';

my $snippet = $t->read_file("$dest$conf/selkies.conf");
my $text = $t->read_file("$dest$conf/nginx.conf");
my $temporary = join '', map { "${_}_temp_path %%TESTDIR%%/run/$_;\n" }
	qw/ client_body proxy fastcgi uwsgi scgi /;
my ($globals) = $t->expand('%%GLOBALS%%') =~ /^load_module [^\n]*\n(.*)/s;

$t->write_file('snippet.conf', $snippet =~ s/\Q$web\E/$dest$web/gr);

for my $change (
	[ qr/^load_module .*;$/m, "include $dest/usr/share/nginx/"
		. "modules-available/mod-http-selkies.conf;\n$globals" ],
	[ qr/^http \{\n/m, "http {\n$temporary gzip_static on;\n"
		. "access_log %%TESTDIR%%/logs/access.log;\n" ],
	[ qr/include mime\.types;/, 'include /etc/nginx/mime.types;' ],
	[ qr/include selkies-headers\.conf;/,
		"include $dest$conf/selkies-headers.conf;\n"
		. 'include %%TESTDIR%%/snippet.conf;' ],
	[ qr/listen 127\.0\.0\.1:3000;/, 'listen %%PORT_0%%;' ],
	[ qr/root \Q$web\E;/, "root $dest$web;" ],
	[ qr/selkies_display :1;/, 'selkies_display %%DISPLAY%%;' ])
{
	my ($re, $with) = @$change;

	$text =~ s/$re/$with/ or die "nginx.conf lacks $re\n";
}

$t->write_file('selkies.htpasswd', "you:{PLAIN}secret\n");
$t->conf($text);
$t->run();

my %type = (js => qr/(?:application|text)\/javascript/, css => qr/text\/css/,
	svg => qr/image\/svg\+xml/, png => qr/image\/png/,
	ico => qr/image\/(?:x-icon|vnd\.microsoft\.icon)/,
	json => qr/application\/manifest\+json/, html => qr/text\/html/);

sub get {
	my ($uri, @headers) = @_;
	my ($head, $body) = split /\r\n\r\n/,
		$t->http_get($uri, headers => \@headers), 2;

	return ($head || '', $body);
}

# Resolves a link as a browser does.

sub resolve {
	my ($link, $base) = @_;

	return $link if $link =~ m!^/!;

	my $path = $base =~ s![^/]*$!!r . $link;

	$path =~ s!(^|/)\./!$1!g;
	1 while $path =~ s!/[^/.][^/]*/\.\./!/!;

	return $path;
}

# The page and all that hangs on it, as deep as imports go.

sub crawl {
	my ($start) = @_;
	my %seen;
	my @queue = ([ $start, 'html' ]);

	while (my $next = shift @queue) {
		my ($uri, $kind) = @$next;

		next if $seen{$uri}++;

		my ($head, $body) = get($uri);

		like($head, qr/^HTTP\/1\.1 200 .*^Content-Type: $type{$kind}\b/ms,
			"$uri is there, as $kind");

		my $cache = $uri =~ m!/v/\Q$version\E/!
			? qr/public, max-age=31536000, immutable/ : qr/no-cache/;

		like($head, qr/^Cache-Control: $cache\r?$/m, "$uri: caching");
		like($head, qr/^X-Content-Type-Options: nosniff/m, "$uri: headers");

		my @links;

		if ($kind eq 'html') {
			@links = $body =~ /<(?:link|script)\b[^>]*?
				\b(?:href|src)="([^"]+)"/gx;
		} elsif ($kind eq 'js') {
			my $code = $body =~ s!/\*.*?\*/!!gsr;

			@links = ($code =~ /(?:^|[;}])(?:import|export)\b[^;()]*?
				(?:\bfrom|import)\s*(?|'([^']+)'|"([^"]+)")/gmx,
				$code =~ /(?:^|[;}])import\s*(?|'([^']+)'|"([^"]+)")/gm,
				$code =~ /\bimport\((?|'([^']+)'|"([^"]+)")\)/g,
				$code =~ /\bnew\ URL\((?|'([^']+)'|"([^"]+)"),
					\s*import\.meta/gx);
		}

		push @queue, map { [ resolve($_, $uri), /\.(\w+)$/ ] } @links;
	}

	return keys %seen;
}

my @crawled = crawl('/');

cmp_ok(scalar(grep { /\/v\/\Q$version\E\// } @crawled), '>=', 18,
	'the parts hang together');

my %reached = map { $_ => 1 } @crawled;
my @orphans = grep { !$reached{$_} }
	map { /^\Q$web\E(\/v\/\Q$version\E\/.*\.(?:js|css|svg))$/ } keys %$tree;

is("@orphans", '', 'nothing is installed that the page never loads');

for my $uri ('/', "/v/$version/app.js", "/v/$version/ui/ui.css") {
	my ($head, $body) = get($uri, 'Accept-Encoding: gzip');
	my $file = "$dest$web" . ($uri eq '/' ? '/index.html' : $uri) . '.gz';

	like($head, qr/^Content-Encoding: gzip\r?$/m, "$uri: compressed");
	ok($body eq $t->read_file($file), "$uri: the file made in advance");
}

my ($head) = get("/v/$version/missing.js");

like($head, qr/^HTTP\/1\.1 404 /, 'what is not there');
unlike($head, qr/immutable/, 'is not remembered');
($head) = get('/app.js');
like($head, qr/^HTTP\/1\.1 404 /, 'no asset without a version');
($head) = get("/v/$version/app.js", 'If-None-Match: '
	. ((get("/v/$version/app.js"))[0] =~ /^ETag: (\S+)/m)[0]);
like($head, qr/^HTTP\/1\.1 304 /, 'a file that is known');

my $ws = Selkies::WebSocket->new($t);

is($ws->status(), 101, 'the websocket');
$ws->close();

# the snippet: a desktop below /desk/, with a password

my @login = ('Authorization: Basic eW91OnNlY3JldA==');

($head) = get('/desk');
like($head, qr/^HTTP\/1\.1 302 .*^Location: \/desk\/\r?$/ms, '/desk');
($head) = get('/desk/');
like($head, qr/^HTTP\/1\.1 401 /, '/desk/ asks for a password');
($head) = get('/desk/', @login);
like($head, qr/^HTTP\/1\.1 200 .*^Cache-Control: no-cache/ms, 'and lets in');
($head) = get("/desk/v/$version/app.js", @login);
like($head, qr/^HTTP\/1\.1 200 .*^Cache-Control: public/ms,
	'its files are remembered');

###############################################################################
# selkies-run as installed

SKIP: {
	my @missing = grep { system("command -v $_ >/dev/null 2>&1") }
		qw/ Xvfb openbox xterm /;

	skip "no @missing", 3 if @missing;

	my ($http, $https) = ($t->port(1), $t->port(2));

	delete $t->{reserved};

	my $log = $t->dir() . '/selkies-run.log';
	my $pid = $t->spawn(sub {
		delete @ENV{grep { /^(?:SELKIES_|CUSTOM_|BUILD_DIR)/ } keys %ENV};
		@ENV{qw/ RUN_DIR CUSTOM_PORT CUSTOM_HTTPS_PORT SELKIES_DISPLAY /}
			= ($t->dir() . '/desk', $http, $https, $t->display());
		%ENV = (%ENV, Selkies::nginx_environment())
			if $ENV{TEST_SELKIES_SANITIZE};
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		POSIX::setsid();
		exec "$dest/usr/bin/selkies-run";
	});

	my $ready = wait_for { $t->read_file($log) =~ /^selkies: ready on /m }
		40;

	ok($ready, 'selkies-run is ready') or diag($t->read_file($log));
	like($t->http_get('/', port => $http), qr!src="v/\Q$version\E/app\.js"!,
		'and serves the installed page');
	kill 'TERM', $pid;
	ok($t->reap($pid, 15), 'and ends');
}

$t->done();
