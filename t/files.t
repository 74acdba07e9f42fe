#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Downloads: the listing as a page and as JSON, files as attachments with
# ranges and conditional requests, what is refused, and that no path leads out
# of the folder, in every configuration we ship.

use warnings;
use strict;

use Digest::MD5 qw/ md5_hex /;
use IO::Socket::INET;
use JSON::PP;
use Test::More;

use lib 'lib', 't/lib';

use Selkies;

my $t = Selkies->new(x => 0, timeout => 120);
my $dir = $t->dir();
my $desk = "$dir/desk";

mkdir $_ for $desk, "$desk/docs", "$desk/docs/deep", "$desk/empty",
	"$dir/desk-beside";

# what a page must never run, what a link must never become, and more

my @nasty = ('<img src=x onerror=alert(1)>', '"onmouseover="alert(1)',
	"'><script>alert(1)<", '&lt;b&gt;', 'javascript:alert(1)', '%41%2e%2e',
	'a b+c?d#e', "\xff\xfe", "\xc3\xbc\xe6\x97\xa5", 'x:y', '#top', '?q',
	"line\nbreak", 'semi;colon', "\xe2\x80\xaetxt.exe");

$t->write_file("desk/$_", "of $_") for @nasty;
$t->write_file('desk/docs/a.txt', 'a' x 100 . 'b' x 100);
$t->write_file('desk/docs/Zeta.png', 'z' x 3000);
$t->write_file('desk/docs/nought', '');
$t->write_file('desk/.hidden', 'h');
$t->write_file('desk-beside/secret', 'secret');
$t->write_file('secret', 'secret');
$t->write_file('html/files.html', 'static');
$t->write_file('html/files.css', 'static');

symlink "$dir/desk-beside", "$desk/out";
symlink "$dir/secret", "$desk/leak.txt";
system 'mkfifo', "$desk/pipe";
utime 1700000000, 1700000000, "$desk/docs/a.txt";
utime 1600000000, 1600000000, "$desk/docs/Zeta.png";

$t->reserve_display();
$t->simple(location => 'selkies_files %%TESTDIR%%/desk;
		try_files $uri $uri/ =404;',
	http => 'map $arg_as $as { default controller; viewer viewer; }',
	server => '
	location /desk/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		alias %%TESTDIR%%/html/; }
	location /off/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_file_transfers none; }
	location /up/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_file_transfers upload; }
	location /role/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_role $as; }
	location /none/ { %%SELKIES%% alias %%TESTDIR%%/html/; }
	location /gone/ { %%SELKIES%% selkies_files %%TESTDIR%%/nowhere; }');
$t->run();

###############################################################################

sub get {
	my ($uri, @headers) = @_;
	my $response = $t->http_get($uri, headers => \@headers);
	my ($head, $body) = split /\r\n\r\n/, $response, 2;
	my ($status) = ($head // '') =~ m{^HTTP/1.1 (\d+)};

	return { status => $status // 0, head => ($head // '') . "\r\n",
		body => $body // '' };
}

sub encoded { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

###############################################################################
# the page

my $r = get('/files/');

is($r->{status}, 200, 'a listing');
like($r->{head}, qr{^Content-Type: text/html; charset=utf-8\r$}mi, 'a page');
like($r->{head}, qr/^X-Content-Type-Options: nosniff\r$/mi, 'not sniffed');
like($r->{head}, qr/^Content-Security-Policy: default-src 'none';/mi,
	'with a policy');
unlike($r->{body}, qr/<script|<style| style=| on\w+=[^&]*>|<img/i,
	'no script, no style, no name as markup');
like($r->{body}, qr{<link rel="stylesheet" href="\.\./files\.css">}, 'styled');
like($r->{body}, qr{<h1>.*?/files/.*?</h1>}s, 'the heading says where');
like($r->{body}, qr{<table id="list">}, 'the table of the stock theme');
unlike($r->{body}, qr/hidden|selkies-upload/, 'what is hidden is not shown');
unlike($r->{body}, qr/Parent directory/, 'the root has no parent');

for my $name (@nasty) {
	my $href = encoded($name);

	like($r->{body}, qr{<a href="\Q$href\E">}, "linked: $href");

	my $file = get("/files/$href");

	is($file->{status}, 200, 'and there');
	is($file->{body}, "of $name", 'it is');
	is(($file->{head} =~ /^Content-Disposition: (.*)\r$/mi)[0] // '',
		"attachment; filename*=UTF-8''" . ($href =~ s/~/%7E/gr),
		'as an attachment of its name');
}

like($r->{body}, qr{<tr[ ]class="closed"><td[ ]class="link[ ]symlink"><span
	[^>]*><bdi>out<}x, 'a link is listed, and no more');
like($r->{body}, qr{<tr class="closed"><td class="link other">}, 'nor a pipe');

$r = get('/files/docs/');
like($r->{body}, qr{<td[ ]class="link[ ]up"><a[ ]href="\.\./">Parent[ ]
	directory/</a>}x, 'a folder has a parent');
like($r->{body}, qr{deep</bdi>/</a>.*a\.txt.*nought.*Zeta\.png}s,
	'folders first, then by name');
like($r->{body}, qr{a\.txt</bdi></a></td><td class="size">200 bytes<}, 'sizes');
like($r->{body}, qr{Zeta\.png</bdi></a></td><td class="size">3\.0 KB<},
	'larger ones');
like($r->{body}, qr{datetime="2023-11-14T22:13:20Z"}, 'dates');
like($r->{body}, qr{<td class="link image"><a href="Zeta.png">}, 'kinds');
like($r->{body}, qr{href="\.\./\.\./files\.css"}, 'its style');
like(get('/files/docs/?C=S&O=D')->{body},
	qr{deep</bdi>/</a>.*Zeta\.png.*a\.txt.*nought}s, 'by size');
like(get('/files/docs/?C=M&O=A')->{body}, qr{Zeta\.png.*a\.txt.*nought}s,
	'by date');
like(get('/files/empty/')->{body}, qr/This folder is empty/, 'an empty one');

$r = get('/api/files/docs/');
like($r->{body}, qr{<h1>.*/api/files/.*docs/.*</h1>}s, 'the other dialect');
like($r->{body}, qr{href="\.\./\.\./\.\./files\.css"}, 'its style');
is(get('/desk/files/docs/')->{status}, 200, 'below a prefix');

$r = get('/files');
is($r->{status}, 301, 'without a slash');
like($r->{head}, qr{^Location: \./files/\r$}m, 'the way to it');
$r = get('/files/docs?C=S');
like($r->{head}, qr{^Location: \./docs/\?C=S\r$}m, 'to a folder');

is(get('/files.css')->{body}, 'static', 'a name beside is a static file');

###############################################################################
# JSON

my $list = decode_json(get('/files/docs/', 'Accept: application/json')->{body});

is($list->{path}, 'docs', 'JSON');
is_deeply([ map { $_->{name} } @{ $list->{entries} } ],
	[ qw/ deep a.txt nought Zeta.png / ], 'names');
is_deeply($list->{entries}[1], { name => 'a.txt', href => 'a.txt',
	kind => 'text', size => 200, modified => 1700000000,
	readable => JSON::PP::true }, 'an entry');
is($list->{entries}[0]{href}, 'deep/', 'a folder');

$r = get('/files/?format=json');
like($r->{head}, qr{^Content-Type: application/json\r$}mi, 'by a query');
$list = decode_json($r->{body});
is(scalar @{ $list->{entries} }, @nasty + 5, 'all entries');
is((grep { $_->{name} eq 'leak.txt' } @{ $list->{entries} })[0]{kind},
	'symlink', 'a link');
ok((grep { $_->{href} eq '%FF%FE' } @{ $list->{entries} }),
	'a name that is no text has a link');
ok(!(grep { !get("/files/$_->{href}")->{status} } @{ $list->{entries} }),
	'all links are answered');

###############################################################################
# files

$r = get('/files/docs/a.txt');
is($r->{body}, 'a' x 100 . 'b' x 100, 'a file');
like($r->{head}, qr{^Content-Type: application/octet-stream\r$}mi,
	'of no type');
like($r->{head}, qr/^X-Content-Type-Options: nosniff\r$/mi, 'not sniffed');
like($r->{head}, qr/^Content-Security-Policy: default-src 'none'; sandbox\r$/mi,
	'in a sandbox');
like($r->{head}, qr/^Content-Length: 200\r$/mi, 'its length');
like($r->{head}, qr/^Accept-Ranges: bytes\r$/mi, 'in ranges');
is(get('/files/docs/nought')->{status}, 200, 'an empty one');

my ($etag) = $r->{head} =~ /^ETag: (\S+)\r$/mi;
my ($modified) = $r->{head} =~ /^Last-Modified: (.*)\r$/mi;

is(get('/files/docs/a.txt', "If-None-Match: $etag")->{status}, 304,
	'not modified');
is(get('/files/docs/a.txt', "If-Modified-Since: $modified")->{status}, 304,
	'since then');

$r = get('/files/docs/a.txt', 'Range: bytes=98-101');
is($r->{status}, 206, 'a range');
is($r->{body}, 'aabb', 'of it');
is(get('/files/docs/a.txt', 'Range: bytes=500-')->{status}, 416, 'beyond it');
is(get('/files/docs/a.txt', 'Range: bytes=0-1', 'If-Range: "x"')->{status},
	200, 'of another version');

$r = http($t, "HEAD /files/docs/a.txt HTTP/1.1\r\nHost: x\r\n"
	. "Connection: close\r\n\r\n");
like($r, qr/^HTTP\/1.1 200.*Content-Length: 200\r.*\r\n\r\n$/s, 'HEAD');
like(http($t, "DELETE /files/docs/a.txt HTTP/1.1\r\nHost: x\r\n"
	. "Connection: close\r\n\r\n"), qr/^HTTP\/1.1 405/, 'DELETE');
ok(-e "$desk/docs/a.txt", 'deletes nothing');

my $large = join '', map { chr rand 256 } 1 .. 3 << 20;

$t->write_file('desk/large', $large);
is(md5_hex(get('/files/large')->{body}), md5_hex($large), 'a large one');

###############################################################################
# refused

for my $row ([ '/files/none', 404 ], [ '/files/docs/a.txt/x', 404 ],
	[ '/files/leak.txt', 403 ], [ '/files/out/', 403 ],
	[ '/files/out/secret', 403 ], [ '/files/pipe', 403 ],
	[ '/off/files/', 403 ], [ '/off/files/docs/a.txt', 403 ],
	[ '/off/api/files/', 403 ], [ '/up/files/', 403 ],
	[ '/role/files/?as=viewer', 403 ], [ '/role/files/', 200 ],
	[ '/none/files/', 404 ], [ '/gone/files/', 404 ],
	[ '/files//docs//a.txt', 200 ],
	[ '/files/' . 'd/' x 70, 404 ], [ '/files/' . 'n' x 300, 404 ])
{
	my ($uri, $want) = @$row;

	$r = get($uri);
	is($r->{status}, $want, substr($uri, 0, 40) . ": $want");
	unlike($r->{body}, qr/secret\b(?!<)/, 'nothing leaks');
}

# as another user than root, who may read all

SKIP: {
	skip 'not root', 4 unless $> == 0;

	$t->write_file('desk/docs/private', 'p');
	chmod 0600, "$desk/docs/private";
	chmod 0755, $dir;
	$t->stop();

	my $conf = $t->read_file('nginx.conf') =~ s/^user root;/user nobody nogroup;/mr;

	$t->write_file('nginx.conf', $conf);
	$t->run();

	$r = get('/files/docs/private');
	is($r->{status}, 403, 'what the server may not read');
	like($r->{body}, qr/^The server may not read this file\./, 'it says so');
	like(get('/files/docs/')->{body}, qr{<tr[ ]class="closed"><td[ ]
		class="link[ ]file"><span[ ]title="The[ ]server[ ]may[ ]not[ ]read
		[ ]this"><bdi>private<}x, 'and lists it so');
	is(get('/files/docs/a.txt')->{status}, 200, 'the rest is as it was');
}

###############################################################################
# T3: every configuration we ship, with a folder of files

my @ways = ('/files../secret', '/files..%2fsecret', '/files/../secret',
	'/files/%2e%2e/secret', '/files/..%2fsecret', '/files/..%5csecret',
	'/files//../secret', '/files/docs/../../secret', '/files/....//secret',
	'/files/%252e%252e/secret', '/files/.%00./secret', '/api/files../secret',
	'/api/files/../../secret', '/api/files/..%2f..%2fsecret',
	'/files../desk-beside/secret', '/files-beside/secret',
	'/files/docs/..;/..;/secret');

sub traverse {
	my ($name, $port, $prefix) = @_;
	my (@bad, $listed);

	for my $way (@ways) {
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
		my $reply = Selkies::HTTP::exchange($s, "GET $prefix$way HTTP/1.1\r\n"
			. "Host: localhost\r\nConnection: close\r\n\r\n");

		push @bad, "$way: $reply" if $reply !~ m{^HTTP/1.1 4\d\d}
			|| $reply =~ /\r\n\r\nsecret/;
	}

	is("@bad", '', "$name: no way out");

	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;

	like(Selkies::HTTP::exchange($s, "GET $prefix/files/ HTTP/1.1\r\n"
		. "Host: localhost\r\nConnection: close\r\n\r\n"),
		qr{^HTTP/1.1 200 .*<table id="list">}s, "$name: its folder");
}

traverse('a plain location', $t->port(), '');
traverse('with an alias', $t->port(), '/desk');

my $root = Selkies->root();

sub shipped {
	my ($file) = @_;
	my $text = $t->read_file("$root/conf/$file");

	like($text, qr/^ +client_max_body_size 64m;$/m,
		"$file has room for a slice");

	$text =~ s/^\s*load_module [^\n]*\n//m;
	$text =~ s{/usr/share/selkies/web}{$root/web}g;
	$text =~ s{include mime.types}{include /etc/nginx/mime.types};
	$text =~ s{include selkies-headers.conf}
		{include $root/conf/selkies-headers.conf};
	$text =~ s{^\s*auth_basic[^\n]*\n}{}mg;
	$text =~ s/(127\.0\.0\.1:)3000/$1 . $t->port(0)/e;
	$text =~ s{^#?\s*selkies_files [^\n]*\n}{}mg;
	$text =~ s{(selkies on;)}{$1 selkies_files $desk;};

	return $text;
}

my $logs = "http {\n\taccess_log off; client_body_temp_path $dir/run/body;\n";

$t->stop();
$t->conf("%%GLOBALS%%\n" . shipped('nginx.conf') =~ s/^http \{/$logs/mr);
$t->run();
traverse('nginx.conf', $t->port(), '');
$t->stop();

$t->conf("%%GLOBALS%%\nevents {}\n$logs\tserver {\nlisten %%PORT_0%%;\n"
	. "absolute_redirect off;\n" . shipped('selkies.conf') . "}\n}\n");
$t->run();
traverse('selkies.conf', $t->port(), '/desk');
$t->stop();

# what genconf makes

mkdir "$dir/gen";

my $https = $t->port(1);

for my $sub ('', '/sub') {
	my $conf = do {
		local %ENV = (%ENV, CUSTOM_PORT => $t->port(0),
			CUSTOM_HTTPS_PORT => $https, FILE_MANAGER_PATH => $desk,
			SUBFOLDER => "$sub/");
		my $module = Selkies->build() . '/ngx_http_selkies_module.so';
		my @say = ("$root/docker/root/usr/lib/selkies/genconf",
			'-r', "$dir/gen", '-m', $module, '-w', "$root/web",
			'-c', "$root/conf", '-d', ':65000', '-x', "$dir/xauth",
			'-f', 'fd:3');

		is(system(join(' ', @say) . " >$dir/say 2>&1"), 0, 'genconf')
			or diag($t->read_file('say'));
		$t->read_file('gen/nginx.conf');
	};

	like($conf, qr/^ +selkies_files "\Q$desk\E";$/m, 'has the folder');
	like($conf, qr/^ +client_max_body_size 64m;$/m, 'and room for a slice');

	$conf =~ s/^(?:load_module|daemon|user|worker_processes|pid|error_log)
		[^\n]*\n//mgx;
	$conf =~ s/^ +gzip_static on;\n//m;
	$conf =~ s/^ +selkies_framebuffer[^\n]*\n//mg;
	$t->conf("%%GLOBALS%%\n$conf");
	$t->run();
	traverse("genconf $sub", $t->port(), $sub);
	$t->stop();
}

$t->done();
